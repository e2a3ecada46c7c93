"""Importers: what a log says is kept, what it does not say is made up by the stated rule and flagged."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homefeed.importers import ImportLogError, import_log
from homefeed.ingest.window import ingest_windows
from homefeed.lake import open_lake
from homefeed.schema.page import sample
from homefeed.settings import Settings
from homefeed.windows import span

END = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
RATINGS = [("1", "10", 5, 100), ("1", "20", 2, 150), ("2", "10", 3, 200), ("2", "20", 4, 300)]
HUNDRED_K_FLAGS = "|".join(["0"] * 5 + ["1"] + ["0"] * 13)


def typed(folder: Path) -> None:
    rows = "".join(f"{u}\t{f}\t{r}\t{t}\n" for u, f, r, t in RATINGS)
    (folder / "x.inter").write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + rows)
    (folder / "x.item").write_text(
        "item_id:token\ttitle\tyear\tclass\n10\tHeat\t1995\tAction Crime\n20\tBig\t1988\tComedy\n"
    )
    (folder / "x.user").write_text("user_id:token\tage:token\n1\t24\n2\t53\n")


def pipes(folder: Path) -> None:
    (folder / "u.data").write_text("".join(f"{u}\t{f}\t{r}\t{t}\n" for u, f, r, t in RATINGS))
    text = f"10|Heat (1995)|01-Jan-1995||url|{HUNDRED_K_FLAGS}\n20|Les Misérables (1998)|||url|{HUNDRED_K_FLAGS}\n"
    (folder / "u.item").write_bytes(text.encode("latin-1"))
    (folder / "u.user").write_text("1|24|M|x|0\n2|53|F|x|0\n")


def colons(folder: Path) -> None:
    (folder / "ratings.dat").write_text("".join(f"{u}::{f}::{r}::{t}\n" for u, f, r, t in RATINGS))
    (folder / "movies.dat").write_text("10::Heat (1995)::Action|Crime\n20::Big (1988)::Comedy\n")
    (folder / "users.dat").write_text("1::M::1::0::0\n2::F::56::0::0\n")


def commas(folder: Path) -> None:
    (folder / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n" + "".join(f"{u},{f},{r},{t}\n" for u, f, r, t in RATINGS)
    )
    (folder / "movies.csv").write_text(
        'movieId,title,genres\n10,"Heat, The (1995)",Action|Crime\n20,Big (1988),Comedy\n'
    )


@pytest.mark.parametrize(
    ("fmt", "write"),
    [("movielens-100k", typed), ("movielens-100k", pipes), ("movielens-1m", colons), ("movielens", commas)],
)
def test_every_rating_format_becomes_events_that_ingestion_accepts(
    settings: Settings, tmp_path: Path, fmt: str, write: object
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    write(folder)  # type: ignore[operator]
    report = import_log(settings, fmt, folder, END, days=1)
    assert {k: report.events[k] for k in ("watch", "feedback", "video", "user")} == {
        "watch": 4,
        "feedback": 3,
        "video": 2,
        "user": 2,
    }
    ingested = ingest_windows(settings, span(report.first, report.last))
    assert (ingested.accepted, ingested.quarantined, ingested.duplicate) == (sum(report.events.values()), 0, 0)
    lake = open_lake(settings.lake_path)
    watches = lake.read("watches").sort_by("time")
    assert watches.column("seconds").to_pylist() == [600.0, 240.0, 360.0, 480.0]
    first, last = watches.column("time")[0].as_py(), watches.column("time")[3].as_py()
    assert (first, last) == (END - timedelta(days=1) + timedelta(minutes=1), END - timedelta(minutes=1))
    # The second rating is a quarter of the way from the first to the last.
    assert watches.column("time")[1].as_py() - first == (last - first) / 4
    assert sorted(lake.read("feedback").column("kind").to_pylist()) == ["like", "like", "not_interested"]
    assert all(lake.read("impressions").column("synthesised").to_pylist())
    assert "action" in lake.read("videos").column("topics").to_pylist()[0] or fmt == "movielens-100k"


def test_a_page_holds_the_watched_film_and_none_that_the_viewer_had_watched(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    typed(tmp_path / "log")
    report = import_log(settings, "movielens-100k", tmp_path / "log", END, days=1)
    ingest_windows(settings, span(report.first, report.last))
    lake = open_lake(settings.lake_path)
    shown = lake.read("impressions").to_pylist()
    for watch in lake.read("watches").to_pylist():
        page = [i for i in shown if i["request_id"] == watch["request_id"]]
        assert watch["video"] in {i["video"] for i in page}
        assert len({i["video"] for i in page}) == len({i["slot"] for i in page}) == len(page)
        assert {watch["time"] - i["time"] for i in page} == {timedelta(seconds=5)}
    # Viewer 1 had watched film 10 before film 20; when viewer 2 watched film 10, film 20 was there to be shown as well.
    assert sorted(sum(i["request_id"].endswith(f"-r-{n}") for i in shown) for n in (0, 1, 3)) == [1, 1, 1]


def test_held_out_watches_are_the_newest_of_each_viewer(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    typed(tmp_path / "log")
    report = import_log(settings, "movielens-100k", tmp_path / "log", END, days=1, holdout_share=0.5)
    held = [tuple(row.values()) for row in report.holdout.to_pylist()]
    assert held == [("viewer-1", "film-20", 240.0, False), ("viewer-2", "film-20", 480.0, True)]
    assert report.events["watch"] == len(RATINGS) - len(held)


def test_the_only_watch_of_a_viewer_is_never_held_out(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,4.5,100\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n")
    report = import_log(settings, "movielens", tmp_path, END, holdout_share=0.9)
    assert (report.events["watch"], len(report.holdout)) == (1, 0)


def test_a_log_with_one_user_and_one_rating_is_a_history(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,4.5,100\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n")
    report = import_log(settings, "movielens", tmp_path, END)
    assert report.events == {"impression": 1, "video": 1, "user": 1, "watch": 1, "feedback": 1}
    assert ingest_windows(settings, span(report.first, report.last)).accepted == 5


@pytest.mark.parametrize(
    ("fmt", "files", "message"),
    [
        ("lastfm", {}, "no format 'lastfm'; formats are movielens-100k, movielens-1m, movielens, events"),
        ("movielens", {}, "has no ratings.csv"),
        ("movielens", {"ratings.csv": "u,m,r,t\n", "movies.csv": "m,t,g\n"}, "is empty: it has no ratings"),
        (
            "movielens",
            {"ratings.csv": "u,m,r,t\n1,2,good,4\n", "movies.csv": "m,t,g\n"},
            "ratings.csv is not a file of user",
        ),
        ("movielens-1m", {"ratings.dat": "1::2::3::4\n", "movies.dat": "2::Heat\n"}, "movies.dat, line 1: 2 columns"),
        ("events", {}, "has no file that ends in .jsonl"),
        ("events", {"a.jsonl": "\n"}, "is empty: it has no events"),
        ("events", {"a.parquet": "not parquet"}, "a.parquet cannot be read"),
    ],
)
def test_a_log_that_cannot_be_read_is_named_and_nothing_is_written(
    settings: Settings, tmp_path: Path, fmt: str, files: dict[str, str], message: str
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(ImportLogError, match=message):
        import_log(settings, fmt, folder, END)
    assert not settings.events_path.exists()


def test_a_missing_folder_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ImportLogError, match=f"nothing at {tmp_path}/missing"):
        import_log(settings, "movielens-1m", tmp_path / "missing", END)


def test_own_events_keep_their_times_and_broken_lines_reach_quarantine(settings: Settings, tmp_path: Path) -> None:
    rows = [sample("watch") | {"event_id": f"e-{n}", "time": f"2026-11-23T2{n}:05:00Z"} for n in range(4)]
    lines = [json.dumps(row).encode() for row in rows] + [b"broken", b'{"a": "\xff"}']
    (tmp_path / "own.jsonl").write_bytes(b"\n".join(lines))
    report = import_log(settings, "events", tmp_path / "own.jsonl", END)
    assert (report.first, report.last) == ("20261123T2000Z", "20261123T2200Z")
    ingested = ingest_windows(settings, span(report.first, report.last))
    # The event of 23:05 is in the future of the end.
    assert (ingested.accepted, ingested.quarantined) == (3, 3)
    reasons = sorted(open_lake(settings.lake_path).read("quarantine").column("reason").to_pylist())
    assert [r.split(":")[0] for r in reasons] == ["not JSON", "not UTF-8", "time"]


def test_the_public_log_arrives_whole(settings: Settings, public_data: object) -> None:
    report = import_log(settings, "movielens-100k", public_data("ml-100k"), END)  # type: ignore[operator]
    assert (report.events["watch"], report.events["video"], report.events["user"]) == (100_000, 1682, 943)
    assert 9 < report.synthesised / 100_000 <= 10
