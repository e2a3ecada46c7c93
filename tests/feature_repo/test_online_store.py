"""The online store answers what training would have read at the same moment."""

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_repo import definitions
from feature_repo.online import STATE, UserStore, apply, materialize
from feature_repo.publish import PublishError, publish
from feature_repo.training_set import ranking_examples
from homefeed import ids
from homefeed import windows as names
from homefeed.features import aggregate_columns
from homefeed.settings import load
from tests.feature_repo.conftest import HandmadeSite, window


@pytest.fixture
def evening(site: HandmadeSite) -> HandmadeSite:
    """An evening that no one has published."""
    return with_evening(site)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> HandmadeSite:
    """The same evening, published once, for tests that only read."""
    site = with_evening(HandmadeSite(load(var=tmp_path_factory.mktemp("evening"))))
    publish(site.settings, site.commit(watermark="22:20"))
    return site


def with_evening(site: HandmadeSite) -> HandmadeSite:
    """Two viewers, three videos, and an evening of impressions, watches and feedback up to 22:20."""
    site.video("a", channel="c", topics=["music"])
    site.video("b", channel="c", topics=["games", "music"])
    site.video("d", channel="e", topics=["games"])
    site.user("u", "19:00", blocked_channels=[ids.key("e")])
    for user, video, clock in (("u", "a", "19:05"), ("u", "b", "21:03"), ("w", "a", "21:45"), ("u", "d", "22:12")):
        site.impression(user, video, clock)
        site.watch(user, video, clock + ":30", seconds=33.3)
    site.feedback("u", "b", "21:04", "subscribe")
    site.feedback("u", "a", "21:05", "dislike")
    return site


def test_publish_says_what_has_to_come_first(site: HandmadeSite) -> None:
    with pytest.raises(PublishError, match="nothing to publish"):
        publish(site.settings, [])


def test_one_publication_does_everything_and_again_changes_nothing(
    evening: HandmadeSite, capsys: pytest.CaptureFixture[str]
) -> None:
    touched = evening.commit(watermark="22:20")
    report = publish(evening.settings, touched)
    assert report.exposures == {"positive": 4, "negative": 0}
    evening_windows = ("18:50", "19:00", "20:50", "21:00", "21:30", "21:40", "22:00", "22:10")
    assert report.windows == [window(c) for c in ("-1 23:50", "0:00", *evening_windows)]
    assert report.online_rows == 4  # two viewers in two views
    assert Path(report.snapshot).stem == window("22:20")
    before = {t: sorted(map(str, evening.lake.read(t).to_pylist())) for t in evening.lake.schemas}
    again = publish(evening.settings, touched)
    assert {t: sorted(map(str, evening.lake.read(t).to_pylist())) for t in evening.lake.schemas} == before
    assert (again.windows, again.exposures, again.online_rows) == (report.windows, report.exposures, report.online_rows)
    assert again.versions["exposures"] == evening.lake.version("exposures")
    assert capsys.readouterr().out == "", "standard output belongs to the command that called"


def test_one_exposure_has_the_same_features_down_both_ways(evening: HandmadeSite) -> None:
    """Everything up to 22:20 is online; then viewer u is shown `b`, and training later looks back at that moment."""
    report = publish(evening.settings, evening.commit(watermark="22:10"))
    viewer = UserStore(evening.settings).read("u")
    candidates = pa.ipc.open_file(report.snapshot).read_all().to_pylist()
    (candidate,) = [row for row in candidates if row["video_id"] == "b"]

    evening.impression("u", "b", "22:20:00")
    evening.watch("u", "b", "22:21")
    publish(evening.settings, evening.commit(watermark="22:30"))
    example: dict[str, Any]
    (example,) = ranking_examples(evening.settings, window("22:20"), window("22:20")).to_pylist()

    assert example["watched"]
    served = (
        viewer | {k: v for k, v in candidate.items() if k != "language"} | {"video_language": candidate["language"]}
    )
    compared = [
        *(c for entity in ("user", "video", "channel", "topic") for c in aggregate_columns(entity)),
        *("country", "language", "age", "history_videos", "history_times", "history_fractions", "subscribed_channels"),
        *("topic", "channel", "duration_s", "uploaded", "video_language"),
    ]
    differences = {name: (example[name], served[name]) for name in compared if example[name] != served[name]}
    assert differences == {}
    assert served["user_watches_24h"] == 3
    assert len(served["history_videos"]) == 3
    assert served["topic_watches_1h"] == 1


def test_a_viewer_is_read_with_every_column(published: HandmadeSite) -> None:
    row = UserStore(published.settings).read("u")
    assert set(row) == {*STATE, *aggregate_columns("user"), "known"}
    assert row["known"]
    assert row["dismissed_videos"] == [ids.key("a")]
    assert row["blocked_channels"] == [ids.key("e")]
    assert row["subscribed_channels"] == [ids.key("c")]
    assert sorted(row["watched_videos"]) == sorted(map(ids.key, "abd"))


def test_a_stranger_has_defaults(published: HandmadeSite) -> None:
    row = UserStore(published.settings).read("nobody")
    assert not row["known"]
    assert (row["country"], row["history_videos"], row["user_watches_7d"]) == (None, [], 0.0)


def test_a_reader_sees_what_is_materialised_after_it_opened(evening: HandmadeSite) -> None:
    publish(evening.settings, evening.commit(watermark="22:20"))
    store = UserStore(evening.settings)
    assert not store.read("late")["known"]
    evening.watch("late", "a", "22:25")
    evening.commit(watermark="22:30")
    publish(evening.settings, [window("22:25")])
    assert store.read("late")["history_videos"] == [ids.key("a")]


def test_an_old_window_does_not_put_an_old_row_over_a_newer_one(published: HandmadeSite) -> None:
    newest = UserStore(published.settings).read("u")
    assert materialize(published.settings, [window("19:00")]) == 4
    assert UserStore(published.settings).read("u") == newest


def test_nothing_to_materialise_is_no_row(site: HandmadeSite) -> None:
    apply(site.settings)
    assert materialize(site.settings, [window("22:00")]) == 0
    assert materialize(site.settings, []) == 0


def test_a_store_can_be_read_from_several_threads(published: HandmadeSite) -> None:
    store = UserStore(published.settings)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(store.read("u")["known"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8


def test_feast_finds_the_definitions_and_nothing_else(site: HandmadeSite) -> None:
    """What `feast apply` on the folder would register is what `apply` registers."""
    from feast.repo_operations import get_ignore_files, get_repo_files

    folder = Path(definitions.__file__).parent
    assert [file.name for file in get_repo_files(folder)] == ["definitions.py"]
    assert (
        len(get_ignore_files(folder, (folder / ".feastignore").read_text().split()))
        == len(list(folder.glob("*.py"))) - 1
    )
    apply(site.settings)
    assert (site.settings.feast_path / "feature_store.yaml").exists()


def test_a_viewer_of_an_earlier_moment_is_what_the_store_held_then(published: HandmadeSite) -> None:
    from feature_repo.viewer_past import viewer_at

    now = viewer_at(published.settings, "u", names.end(window("22:30")))
    assert now == UserStore(published.settings).read("u")
    # At 21:10 the watch of 22:12 is not known, and the window of 21:00 has just ended.
    then = viewer_at(published.settings, "u", names.end(window("21:00")))
    assert then["watched_videos"] == sorted([ids.key("a"), ids.key("b")])
    assert viewer_at(published.settings, "u", names.start(window("21:00")))["watched_videos"] == [ids.key("a")]
    assert not viewer_at(published.settings, "a stranger", names.end(window("22:30")))["known"]
