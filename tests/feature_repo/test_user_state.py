"""Viewer state at the end of each window in which it changed."""

from typing import Any

import pytest

from feature_repo.user_state import publish_user_state
from homefeed import ids
from homefeed.settings import load
from tests.feature_repo.conftest import HandmadeSite, at, window


def states(site: HandmadeSite, user: str = "u") -> list[dict[str, Any]]:
    """Rows of one viewer, oldest first."""
    table = site.lake.read("user_state").sort_by([("window", "ascending")]).to_pylist()
    return [row for row in table if row["user"] == ids.key(user)]


def keys(*names: str) -> list[int]:
    return [ids.key(name) for name in names]


@pytest.fixture
def videos(site: HandmadeSite) -> HandmadeSite:
    """A site with videos a to e of channel `ch`, 100 s each."""
    for video in "abcde":
        site.video(video, channel="ch")
    return site


def test_a_viewer_who_only_registered_has_a_profile_and_empty_lists(videos: HandmadeSite) -> None:
    videos.user("u", "22:00", country="FR", age=None, blocked_channels=keys("bad"))
    publish_user_state(videos.settings, videos.commit())
    (row,) = states(videos)
    assert (row["country"], row["language"], row["age"]) == ("FR", "de", None)
    assert (row["history_videos"], row["history_times"], row["watched_videos"]) == ([], [], [])
    assert row["blocked_channels"] == keys("bad")
    assert row["event_timestamp"] == at("22:10")


def test_a_viewer_without_a_profile_has_a_history(videos: HandmadeSite) -> None:
    videos.watch("u", "a", "22:00", seconds=50)
    publish_user_state(videos.settings, videos.commit())
    (row,) = states(videos)
    assert (row["country"], row["blocked_channels"]) == (None, [])
    assert row["history_videos"] == keys("a")
    assert row["history_times"] == [int(at("22:00").timestamp()) * 1_000_000]
    assert row["history_fractions"] == pytest.approx([0.5])


def test_history_is_in_order_newest_last_and_only_of_the_past(videos: HandmadeSite) -> None:
    videos.watch("u", "b", "22:05")
    videos.watch("u", "a", "22:01")
    videos.watch("u", "c", "22:25", seconds=500)
    publish_user_state(videos.settings, videos.commit())
    first, second = states(videos)
    assert first["history_videos"] == keys("a", "b")
    assert second["history_videos"] == keys("a", "b", "c")
    assert second["history_fractions"] == pytest.approx([0.3, 0.3, 1.0])


def test_short_watches_and_videos_that_nobody_described_are_not_history(videos: HandmadeSite) -> None:
    videos.watch("u", "a", "22:00", seconds=2)
    videos.watch("u", "stranger", "22:01")
    publish_user_state(videos.settings, videos.commit())
    assert states(videos) == []


def test_history_is_cut_to_its_length_and_the_watched_set_holds_each_video_once(videos: HandmadeSite) -> None:
    for minute, video in enumerate("abcda"):
        videos.watch("u", video, f"22:0{minute}")
    short = load(var=videos.settings.var, features={"history_length": 2, "watched_length": 3})
    publish_user_state(short, videos.commit())
    (row,) = states(videos)
    assert row["history_videos"] == keys("d", "a")
    assert row["watched_videos"] == sorted(keys("c", "d", "a"))


def test_what_was_said_becomes_dismissals_and_subscriptions(videos: HandmadeSite) -> None:
    videos.feedback("u", "a", "22:00", "dislike")
    videos.feedback("u", "b", "22:01", "like")
    videos.feedback("u", "c", "22:02", "subscribe")
    videos.feedback("u", "d", "22:03", "subscribe")
    videos.feedback("u", "e", "22:13", "report")
    publish_user_state(videos.settings, videos.commit())
    first, second = states(videos)
    assert (first["dismissed_videos"], first["subscribed_channels"]) == (keys("a"), keys("ch"))
    assert second["dismissed_videos"] == sorted(keys("a", "e"))


def test_the_newest_profile_counts(videos: HandmadeSite) -> None:
    videos.user("u", "22:00", country="FR")
    videos.user("u", "22:20", country="US")
    videos.watch("u", "a", "22:15")
    publish_user_state(videos.settings, videos.commit())
    assert [row["country"] for row in states(videos)] == ["FR", "FR", "US"]


def test_a_late_watch_enters_every_later_row(videos: HandmadeSite) -> None:
    videos.watch("u", "a", "22:00")
    videos.watch("u", "c", "22:40")
    publish_user_state(videos.settings, videos.commit())
    videos.watch("u", "b", "22:20")
    videos.commit()
    publish_user_state(videos.settings, [window("22:20")])
    assert [row["history_videos"] for row in states(videos)] == [keys("a"), keys("a", "b"), keys("a", "b", "c")]
