"""Windowed aggregates: the newest row of an entity is its exact value at any time."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from feature_repo.aggregates import publish_aggregates
from homefeed import ids
from homefeed.features import ENTITIES, MEASURES, SPANS
from homefeed.windows import shift, span
from tests.feature_repo.conftest import HandmadeSite, window


def rows(site: HandmadeSite, entity: str, name: str) -> dict[str, dict[str, Any]]:
    """Rows of one entity, by window."""
    key = name if entity == "topic" else ids.key(name)
    table = site.lake.read(f"{entity}_aggregates").to_pylist()
    return {row["window"]: row for row in sorted(table, key=lambda r: r["window"]) if row[entity] == key}


def test_nothing_published_is_an_empty_table(site: HandmadeSite) -> None:
    publish_aggregates(site.settings, [])
    assert site.lake.read("user_aggregates").num_rows == 0


def test_one_watch_is_counted_for_its_viewer_video_channel_and_main_topic(site: HandmadeSite) -> None:
    site.video("v", channel="c", topics=["music", "live"])
    site.impression("u", "v", "22:00")
    site.impression("u", "v", "22:01")
    site.watch("u", "v", "22:02", seconds=12.5)
    site.watch("u", "v", "22:03", seconds=4)  # too short to count
    site.feedback("u", "v", "22:04", "like")
    site.feedback("u", "v", "22:05", "report")
    publish_aggregates(site.settings, site.commit())
    for entity, name in (("user", "u"), ("video", "v"), ("channel", "c"), ("topic", "music")):
        row = rows(site, entity, name)[window("22:00")]
        for length in SPANS:
            got = {m: row[f"{entity}_{m}_{length}"] for m in MEASURES}
            assert got == {"impressions": 2, "watches": 1, "watch_s": 12.5, "likes": 1, "dismissals": 1}
    assert rows(site, "topic", "live") == {}


def test_a_row_stands_where_a_sum_changes_and_nowhere_else(site: HandmadeSite) -> None:
    site.video("v")
    site.impression("u", "v", "20:00")
    site.impression("other", "v", "21:30")
    publish_aggregates(site.settings, site.commit())
    history = rows(site, "user", "u")
    start = window("20:00")
    assert list(history) == [start, shift(start, 1), shift(start, 6)]
    hours = [row["user_impressions_1h"] for row in history.values()]
    minutes = [row["user_impressions_10m"] for row in history.values()]
    assert (hours, minutes) == ([1, 1, 0], [1, 0, 0])
    assert [row["user_impressions_24h"] for row in history.values()] == [1, 1, 1]


def test_silent_windows_are_published_with_the_next_activity(site: HandmadeSite) -> None:
    site.video("v")
    site.impression("u", "v", "20:00")
    publish_aggregates(site.settings, site.commit())
    assert list(rows(site, "user", "u")) == [window("20:00")]
    site.impression("other", "v", "21:30")
    site.commit()
    publish_aggregates(site.settings, [window("21:30")])
    assert list(rows(site, "user", "u")) == [window(c) for c in ("20:00", "20:10", "21:00")]


def test_a_late_event_changes_the_later_windows_that_it_counts_in(site: HandmadeSite) -> None:
    site.video("v")
    site.impression("u", "v", "20:00")
    site.impression("u", "v", "20:30")
    publish_aggregates(site.settings, site.commit())
    site.impression("u", "v", "20:10")
    site.commit()
    publish_aggregates(site.settings, [window("20:10")])
    assert rows(site, "user", "u")[window("20:30")]["user_impressions_1h"] == 3


def test_a_video_without_a_catalogue_row_has_no_channel_and_no_topic(site: HandmadeSite) -> None:
    site.impression("u", "stranger", "22:00")
    publish_aggregates(site.settings, site.commit())
    assert rows(site, "video", "stranger")
    assert site.lake.read("channel_aggregates").num_rows == site.lake.read("topic_aggregates").num_rows == 0


def test_seconds_that_leave_a_span_leave_exactly_nothing(site: HandmadeSite) -> None:
    site.video("v")
    for second in range(10):
        site.watch("u", "v", f"20:00:{second:02d}", seconds=10.1 + second / 7)
    site.impression("other", "v", "21:30")
    publish_aggregates(site.settings, site.commit())
    assert rows(site, "user", "u")[window("21:00")]["user_watch_s_1h"] == 0.0


def test_seconds_are_rounded_once_to_milliseconds(site: HandmadeSite) -> None:
    site.video("v")
    site.watch("u", "v", "22:00", seconds=289.2855)  # as a float 289.28549
    publish_aggregates(site.settings, site.commit())
    assert rows(site, "user", "u")[window("22:00")]["user_watch_s_10m"] == pytest.approx(289.285, abs=1e-4)


@pytest.fixture
def busy(site: HandmadeSite) -> HandmadeSite:
    """Three viewers and three videos on two evenings a day apart, at random."""
    rng = np.random.default_rng(7)
    for i in range(3):
        site.video(f"v{i}", channel=f"c{i % 2}", topics=[f"t{i % 2}"])
    for minute in rng.choice(300, 40, replace=False):
        clock = f"{minute % 2} {20 + minute // 120}:{minute % 120 // 2:02d}"
        user, video = f"u{rng.integers(3)}", f"v{rng.integers(3)}"
        site.impression(user, video, clock)
        if rng.random() < 0.5:
            site.watch(user, video, clock, seconds=float(rng.integers(1, 200)))
    return site


def test_every_row_is_the_plain_sum_over_its_windows(busy: HandmadeSite) -> None:
    publish_aggregates(busy.settings, busy.commit())
    watches: dict[tuple[int, str], list[float]] = defaultdict(list)
    for watch in busy.lake.read("watches").to_pylist():
        if watch["seconds"] >= busy.settings.features.min_watch_s:
            watches[watch["user"], watch["window"]].append(watch["seconds"])
    table = busy.lake.read("user_aggregates").to_pylist()
    assert len(table) > 50
    for row in table:
        for name, length in SPANS.items():
            within = span(shift(row["window"], 1 - length), row["window"])
            seconds = [s for w in within for s in watches[row["user"], w]]
            assert row[f"user_watches_{name}"] == len(seconds)
            assert row[f"user_watch_s_{name}"] == pytest.approx(sum(seconds))


def test_windows_published_one_by_one_and_late_are_those_published_at_once(busy: HandmadeSite) -> None:
    touched = busy.commit()
    publish_aggregates(busy.settings, touched)
    tables = ("user_aggregates", "video_aggregates", "channel_aggregates", "topic_aggregates")
    order = [("window", "ascending"), ("event_timestamp", "ascending")]

    def content() -> list[list[dict[str, Any]]]:
        return [sorted(busy.lake.read(t).sort_by(order).to_pylist(), key=str) for t in tables]

    once = content()
    everything = [window("0:00"), *touched]
    for table in tables:
        busy.lake.replace(table, busy.lake.windows(table), busy.lake.read(table).slice(0, 0))
    half = len(everything) // 2
    for part in (everything[half:], everything[:half:2], everything[1:half:2]):
        publish_aggregates(busy.settings, part)
    assert content() == once


@pytest.fixture
def long(site: HandmadeSite) -> HandmadeSite:
    """Two viewers and two videos at random over seventeen days, published at once: spans begin, end and overlap."""
    rng = np.random.default_rng(11)
    for i in range(2):
        site.video(f"v{i}", channel=f"c{i}", topics=["t"])
    for number in range(40):
        clock = f"{rng.integers(17)} {20 + rng.integers(3)}:{10 * rng.integers(5):02d}"
        site.impression(f"u{rng.integers(2)}", f"v{rng.integers(2)}", clock, slot=number)
    for day in (0, 10, 16):
        site.watch("u0", "w", f"{day} 20:00", seconds=7.0)
    site.impression("u0", "w", "16 22:50")
    publish_aggregates(site.settings, site.commit())
    return site


def test_publishing_some_windows_again_changes_nothing(long: HandmadeSite) -> None:
    def content() -> list[list[str]]:
        return [sorted(map(str, long.lake.read(f"{entity}_aggregates").to_pylist())) for entity in ENTITIES]

    before = content()
    # Between the reach of the second pair there are days that are not published again.
    for again in (["16 22:50"], ["0 20:00", "16 20:00"], ["3 21:30", "9 20:10"]):
        publish_aggregates(long.settings, [window(clock) for clock in again])
        assert content() == before
    row = rows(long, "video", "w")[window("16 20:00")]
    assert [row[f"video_watches_{length}"] for length in SPANS] == [1, 1, 1, 2]
