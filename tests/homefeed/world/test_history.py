"""The history in the event log: the edge schema, arrival windows, about 2 % watched, the same every time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from homefeed import windows
from homefeed.cli import build
from homefeed.schema import EVENTS, arrow_schema
from homefeed.settings import Settings
from homefeed.settings.world import WorldSettings
from homefeed.world.build import open_site
from homefeed.world.history import HistoryReport, write_history
from homefeed.world.site import WorldError

END = datetime(2026, 11, 23, 22, tzinfo=UTC)
WORLD = WorldSettings(num_viewers=1500, num_videos=800, history_days=1.0, delayed_rate=0.01, duplicate_rate=0.01)


def _settings(var: Path, **world: Any) -> Settings:
    return Settings(var=var, seed=1, world=WORLD.model_copy(update=world))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, HistoryReport]:
    settings = _settings(tmp_path_factory.mktemp("world"))
    return settings, write_history(settings, END, truth=settings.var / "truth")


def _sql(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        for kind in EVENTS:
            path = settings.events_path / "*" / f"world-{kind}.parquet"
            connection.execute(
                f"CREATE VIEW {kind} AS SELECT *, string_split(filename, '/')[-2] AS arrival "
                f"FROM read_parquet('{path}', filename = true)"
            )
        connection.execute(f"CREATE VIEW truth AS FROM read_parquet('{settings.var}/truth/*.parquet')")
        return connection.execute(query).fetchall()


def test_every_file_has_the_edge_schema(written: tuple[Settings, HistoryReport]) -> None:
    settings, report = written
    assert sorted(p.name for p in settings.events_path.iterdir()) == windows.span(report.first, report.last)
    for path in settings.events_path.glob("*/*.parquet"):
        kind = path.stem.removeprefix("world-")
        assert pq.read_schema(path).equals(arrow_schema(EVENTS[kind]))
        rows = pq.read_table(path)
        assert all(rows.column(c.name).null_count == 0 for c in EVENTS[kind] if c.required)


def test_no_event_arrives_before_it_happens_or_after_the_end(written: tuple[Settings, HistoryReport]) -> None:
    settings, _ = written
    begin = "strptime(arrival, '%Y%m%dT%H%MZ')"
    for kind in EVENTS:
        early = f"SELECT count(*) FROM {kind} WHERE time AT TIME ZONE 'UTC' >= {begin} + INTERVAL 10 MINUTE"
        assert _sql(settings, early) == [(0,)]
    late = f"SELECT count(*) FROM impression WHERE time AT TIME ZONE 'UTC' < {begin}"
    assert _sql(settings, late)[0][0] > 0


def test_two_of_a_hundred_impressions_are_watched_as_the_truth_says(written: tuple[Settings, HistoryReport]) -> None:
    settings, report = written
    joined = """
        SELECT avg(EXISTS (
                 SELECT 1 FROM watch w WHERE w."user" = i."user" AND w.video = i.video AND w.seconds >= 5
                 AND w.time >= i.time AND w.time < i.time + INTERVAL 600 SECOND)::INT), avg(t.probability)
        FROM impression i JOIN truth t USING (event_id) WHERE i.time < '2026-11-23T20:00Z'"""
    observed, expected = _sql(settings, joined)[0]
    assert report.watched_share == pytest.approx(0.02, abs=0.004)
    # 60,000 impressions at 2 %: the standard error is 0.0006.
    assert observed == pytest.approx(expected, abs=0.002)


def test_behaviour_has_late_watches_accidents_bots_and_feedback(written: tuple[Settings, HistoryReport]) -> None:
    settings, report = written
    ((short, late, total),) = _sql(
        settings,
        """SELECT count(*) FILTER (w.seconds < 5), count(*) FILTER (w.time >= i.time + INTERVAL 600 SECOND), count(*)
           FROM watch w JOIN (SELECT DISTINCT ON (request_id, video) * FROM impression) i USING (request_id, video)""",
    )
    assert 0.05 < short / total < 0.25
    assert 0.01 < late / total < 0.08
    kinds = dict(_sql(settings, "SELECT kind, count(*) FROM feedback GROUP BY kind"))
    assert kinds["subscribe"] > 1000
    assert {"like", "share", "comment", "not_interested"} <= kinds.keys()
    assert report.impressions == _sql(settings, "SELECT count(*) FROM impression")[0][0]


def test_events_sent_twice_keep_their_id(written: tuple[Settings, HistoryReport]) -> None:
    settings, _ = written
    ((total, unique),) = _sql(settings, "SELECT count(*), count(DISTINCT event_id) FROM impression")
    assert 0.004 < (total - unique) / total < 0.02
    differing = """SELECT count(*) FROM (SELECT event_id FROM impression GROUP BY event_id
                   HAVING count(DISTINCT (time, "user", video, slot)) > 1)"""
    assert _sql(settings, differing) == [(0,)]


def test_a_page_shows_a_video_once_and_only_after_its_upload(written: tuple[Settings, HistoryReport]) -> None:
    settings, _ = written
    repeated = """SELECT count(*) FROM (SELECT request_id, video FROM impression GROUP BY ALL
                  HAVING count(DISTINCT event_id) > 1)"""
    assert _sql(settings, repeated) == [(0,)]
    early = "SELECT count(*) FROM impression i JOIN video v USING (video) WHERE i.time < v.uploaded"
    assert _sql(settings, early) == [(0,)]
    assert _sql(settings, "SELECT count(DISTINCT video), min(arrival) FROM video")[0][0] == WORLD.num_videos
    assert _sql(settings, 'SELECT count(*), count(DISTINCT arrival) FROM "user"') == [(WORLD.num_viewers, 1)]


def test_threads_do_not_change_the_history(tmp_path: Path) -> None:
    files = []
    for threads in (1, 3):
        settings = _settings(tmp_path / str(threads), history_days=0.05, num_threads=threads, num_viewers=300)
        write_history(settings, END)
        paths = sorted(settings.events_path.glob("*/*.parquet"))
        files.append([(p.parent.name, p.name, pq.read_table(p)) for p in paths])
    assert [f[:2] for f in files[0]] == [f[:2] for f in files[1]]
    assert all(a[2].equals(b[2]) for a, b in zip(*files, strict=True))


def test_an_end_inside_a_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="minutes 0, 10"):
        write_history(_settings(tmp_path), END + timedelta(minutes=3))
    assert not (tmp_path / "events").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("in the way")
    with pytest.raises(WorldError, match="events"):
        write_history(_settings(tmp_path, history_days=0.01), END)


def test_progress_can_stop_the_writing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert (done, total) == (1, 8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_history(_settings(tmp_path, history_days=0.05), END, stop)
    with pytest.raises(WorldError, match="no synthetic history"):
        open_site(_settings(tmp_path))


def test_the_site_of_a_history_is_found_again_and_no_other(written: tuple[Settings, HistoryReport]) -> None:
    settings, _ = written
    assert open_site(settings).end == END
    changed = settings.model_copy(update={"seed": 2})
    with pytest.raises(WorldError, match="seed was 1, is now 2"):
        open_site(changed)


def test_the_verb_writes_a_history(tmp_path: Path) -> None:
    arguments = ["--viewers", "50", "--videos", "60", "--days", "0.05", "--out", str(tmp_path), "--truth", "--json"]
    done = CliRunner().invoke(build(["world"]), ["world", *arguments, "--end", "2026-11-23T22:05Z"])
    assert done.exit_code == 0
    assert '"last": "20261123T2150Z"' in done.output
    assert len(list((tmp_path / "truth").iterdir())) == 8
    wrong = CliRunner().invoke(build(["world"]), ["world", "--out", str(tmp_path), "--end", "2026-11-23T22:05"])
    assert isinstance(wrong.exception, WorldError)


def test_a_clean_history_is_the_same_without_bots_and_accidents(
    written: tuple[Settings, HistoryReport], tmp_path: Path
) -> None:
    """Impressions that only one of the two has are of bots; watches that only one has are theirs or shorter than 4.5 s
    (an event that arrives at the last moment may have been sent a moment later)."""
    settings, _ = written
    clean = _settings(tmp_path)
    write_history(clean, END, truth=clean.var / "truth", is_clean=True)
    shown, kept = (set(_sql(s, 'SELECT event_id, "user", video, slot FROM impression')) for s in (settings, clean))
    site = open_site(settings)
    bots = set(site.viewer_ids.filter(pa.array(site.audience.is_bot)).to_pylist())
    late = len(kept ^ {row for row in shown if row[1] not in bots})
    assert bots & {row[1] for row in shown}
    assert not bots & {row[1] for row in kept}
    assert late < 0.001 * len(kept)
    assert _sql(settings, "SELECT count(*) FROM watch WHERE seconds < 5")[0][0] > 0
    assert _sql(clean, "SELECT count(*) FROM watch WHERE seconds < 5") == [(0,)]


def test_popular_videos_come_first_where_the_settings_say_so(tmp_path: Path) -> None:
    """In the upper half of the pages' slots the mean log of appeal is higher; without the knob it is the same."""
    for firmness, is_ordered in ((0.0, False), (3.0, True)):
        settings = _settings(tmp_path / str(firmness), popular_first=firmness, history_days=0.1)
        write_history(settings, END, truth=settings.var / "truth")
        site = open_site(settings)
        rows = _sql(settings, "SELECT DISTINCT event_id, video, slot, propensity FROM impression WHERE slot < 10")
        appeal = dict(zip(site.video_ids.to_pylist(), np.log(site.videos.appeal).tolist(), strict=True))
        first, last = (np.mean([appeal[r[1]] for r in rows if (r[2] < 5) == upper]) for upper in (True, False))
        assert (first - last > 0.3) == is_ordered
        assert all((r[3] is None) == is_ordered for r in rows)
