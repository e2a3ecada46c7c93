"""The label join, at the edges of its window."""

from typing import Any

import pytest

from feature_repo.exposures import publish_exposures
from homefeed.settings import load
from tests.feature_repo.conftest import HandmadeSite, window


def published(site: HandmadeSite, *clocks: str) -> list[dict[str, Any]]:
    """Publish the windows of `clocks`; the exposures in order of time."""
    site.commit()
    publish_exposures(site.settings, [window(c) for c in clocks])
    rows: list[dict[str, Any]] = site.lake.read("exposures").sort_by([("time", "ascending")]).to_pylist()
    return rows


def test_no_windows_and_no_impressions_leave_an_empty_table(site: HandmadeSite) -> None:
    assert publish_exposures(site.settings, []).windows == []
    site.watch("u", "v", "22:01")
    assert published(site, "22:00") == []


@pytest.mark.parametrize(
    ("start", "watched"),
    [
        ("21:59:59.999", False),  # before the impression
        ("22:00:00", True),  # at once
        ("22:09:59.999", True),  # the last instant that counts
        ("22:10:00", False),  # ten minutes later
    ],
)
def test_the_label_window_is_half_open(site: HandmadeSite, start: str, watched: bool) -> None:
    site.video("v")
    site.impression("u", "v", "22:00:00")
    site.watch("u", "v", start, seconds=30)
    (exposure,) = published(site, "22:00")
    assert exposure["watched"] is watched
    assert exposure["watch_s"] == (30 if watched else 0)
    assert exposure["completion"] == pytest.approx(0.3 if watched else 0)


def test_an_impression_is_followed_into_the_next_window(site: HandmadeSite) -> None:
    site.video("v")
    site.impression("u", "v", "22:09:59")
    site.watch("u", "v", "22:19:58")
    (exposure,) = published(site, "22:00")
    assert exposure["watched"]
    assert exposure["window"] == window("22:00")


def test_every_impression_before_a_watch_is_positive(site: HandmadeSite) -> None:
    site.video("v")
    for clock in ("21:55", "22:00", "22:03", "22:05:01"):
        site.impression("u", "v", clock)
    site.watch("u", "v", "22:05")
    rows = published(site, "21:50", "22:00")
    assert [r["watched"] for r in rows] == [False, True, True, False]


def test_watches_that_count_add_up_and_completion_stops_at_one(site: HandmadeSite) -> None:
    site.video("v", duration_s=50.0)
    site.impression("u", "v", "22:00")
    site.watch("u", "v", "22:01", seconds=20)
    site.watch("u", "v", "22:02", seconds=40)
    (exposure,) = published(site, "22:00")
    assert (exposure["watch_s"], exposure["completion"]) == (60, 1)


def test_a_watch_shorter_than_the_minimum_is_no_positive_but_its_seconds_count(site: HandmadeSite) -> None:
    site.video("v")
    site.impression("u", "v", "22:00")
    site.watch("u", "v", "22:01", seconds=4.9)
    site.impression("u", "w", "22:00")
    site.watch("u", "w", "22:01", seconds=5)
    short, long = published(site, "22:00")
    assert (short["watched"], short["watch_s"]) == (False, pytest.approx(4.9))
    assert long["watched"]


def test_completion_is_unknown_without_a_length_and_whole_for_a_length_of_zero(site: HandmadeSite) -> None:
    site.video("still", duration_s=0.0)
    for video in ("still", "stranger"):
        site.impression("u", video, "22:00")
        site.watch("u", video, "22:01")
    site.impression("u", "missed", "22:02")
    assert [r["completion"] for r in published(site, "22:00")] == [1.0, None, 0.0]


def test_a_watch_of_another_viewer_or_video_or_without_an_impression_labels_nothing(site: HandmadeSite) -> None:
    site.impression("u", "v", "22:00")
    site.watch("other", "v", "22:01")
    site.watch("u", "other", "22:01")
    (exposure,) = published(site, "22:00")
    assert not exposure["watched"]


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("like", "liked"),
        ("subscribe", "subscribed"),
        ("share", "shared"),
        ("comment", "shared"),
        ("dislike", "dismissed"),
        ("not_interested", "dismissed"),
        ("report", "dismissed"),
    ],
)
def test_feedback_joins_by_the_same_rule(site: HandmadeSite, kind: str, target: str) -> None:
    site.impression("u", "v", "22:00")
    site.impression("u", "v", "21:50")
    site.feedback("u", "v", "22:00", kind)
    early, exposure = published(site, "21:50", "22:00")
    said = [t for t in ("watched", "liked", "subscribed", "shared", "dismissed") if exposure[t]]
    assert said == [target]
    assert not early[target]


def test_publishing_again_in_any_order_leaves_the_same_rows(site: HandmadeSite) -> None:
    site.video("v")
    for minute in range(0, 40, 3):
        site.impression(f"u{minute % 2}", "v", f"22:{minute:02d}")
        site.watch(f"u{minute % 2}", "v", f"22:{minute:02d}:30")
    once = published(site, "22:00", "22:10", "22:20", "22:30")
    for clock in ("22:30", "22:00", "22:20", "22:10", "22:20"):
        again = published(site, clock)
    assert again == once


def test_a_late_watch_changes_its_exposure_and_no_other_window(site: HandmadeSite) -> None:
    site.impression("u", "v", "22:00")
    site.impression("u", "v", "22:20")
    first = published(site, "22:00", "22:20")
    site.watch("u", "v", "22:05")
    second = published(site, "22:00")
    assert [r["watched"] for r in first] == [False, False]
    assert [r["watched"] for r in second] == [True, False]


def test_the_columns_of_the_impression_are_carried_along(site: HandmadeSite) -> None:
    event = site.impression("u", "v", "22:00", slot=7, propensity=0.5, explored=True, release="r1", source="fresh")
    (exposure,) = published(site, "22:00")
    assert (exposure["event_id"], exposure["slot"], exposure["propensity"]) == (event, 7, 0.5)
    assert (exposure["explored"], exposure["release"], exposure["source"]) == (True, "r1", "fresh")


def test_the_report_counts_what_was_watched_and_missed(site: HandmadeSite) -> None:
    site.impression("u", "v", "22:00")
    site.impression("u", "w", "22:00")
    site.watch("u", "v", "22:01")
    site.commit()
    report = publish_exposures(site.settings, [window("22:00")])
    assert (report.positive, report.negative, report.windows) == (1, 1, [window("22:00")])
    assert report.version == site.lake.version("exposures")


def test_the_label_window_is_a_setting(site: HandmadeSite) -> None:
    site.impression("u", "v", "22:00")
    site.watch("u", "v", "22:01")
    site.commit()
    short = load(var=site.settings.var, features={"label_window_s": 60})
    assert publish_exposures(short, [window("22:00")]).positive == 0
