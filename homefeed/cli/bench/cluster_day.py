"""The day that `homefeed bench cluster` publishes: pages of 20 of one viewer each, and videos of a long tail."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed import ids, windows
from homefeed.lake import open_lake
from homefeed.schema import TABLES, TIME
from homefeed.settings import Settings

NUM_WINDOWS = 144
NUM_VIDEOS, NUM_CHANNELS, NUM_TOPICS = 50_000, 5_000, 24
MADE = ("videos", "impressions", "watches", "feedback")
FIRST = "20261122T0000Z"


def windows_of_day() -> list[str]:
    """Names of its windows, in order."""
    return windows.span(FIRST, windows.shift(FIRST, NUM_WINDOWS - 1))


def make_day(settings: Settings) -> None:
    """Commit `engine.bench_impressions` spread evenly, the watches and likes that follow, and the catalogue."""
    day, num = windows_of_day(), settings.engine.bench_impressions
    lake, random = open_lake(settings.lake_path), np.random.default_rng(settings.seed)
    videos = _keys("video-", NUM_VIDEOS)
    channels = _keys("channel-", NUM_CHANNELS)
    begin_us = _us(day[0])
    topics = pa.array([f"topic-{n}" for n in range(NUM_TOPICS)])
    lists = pa.ListArray.from_arrays(
        pa.array(np.arange(NUM_VIDEOS + 1, dtype=np.int32)),
        topics.take(pa.array(random.integers(0, NUM_TOPICS, NUM_VIDEOS))),
    )
    catalogue = {
        "video": videos,
        "channel": channels[random.integers(0, NUM_CHANNELS, NUM_VIDEOS)],
        "topics": lists,
        "duration_s": random.uniform(30, 1800, NUM_VIDEOS),
    }
    lake.replace("videos", day[:1], _rows("videos", day[0], np.full(NUM_VIDEOS, begin_us), catalogue))
    num_viewers, per_window = max(1, num // 100), num // len(day)
    viewers = random.integers(1, 2**62, num_viewers)
    for window in day:
        time_us = _us(window) + np.sort(random.integers(0, windows.WINDOW_S * 1_000_000, per_window))
        # A page is one viewer's, and few videos get most of the impressions.
        user = np.repeat(viewers[random.integers(0, num_viewers, per_window // 20 + 1)], 20)[:per_window]
        video = videos[(NUM_VIDEOS * random.random(per_window) ** 3).astype(np.int64)]
        shown = {"user": user, "video": video, "slot": (np.arange(per_window) % 100).astype(np.int16)}
        lake.replace("impressions", [window], _rows("impressions", window, time_us, shown))
        watched = np.flatnonzero(random.random(per_window) < 0.02)
        # What would start in the next window starts at the end of this one.
        watch_us = np.minimum(
            time_us[watched] + random.integers(0, 60_000_000, len(watched)), _us(window) + 599_999_999
        )
        who = {"user": user[watched], "video": video[watched]}
        seconds = random.exponential(120.0, len(watched))
        lake.replace("watches", [window], _rows("watches", window, watch_us, {**who, "seconds": seconds}))
        liked = {name: column[::3] for name, column in who.items()}
        kinds = pa.array(["like"] * len(liked["user"]))
        lake.replace("feedback", [window], _rows("feedback", window, watch_us[::3], {**liked, "kind": kinds}))


def _rows(table: str, window: str, time_us: np.ndarray[Any, Any], given: dict[str, Any]) -> pa.Table:
    """Events of one window; columns that are not given are null."""
    num = len(time_us)
    columns = {
        "window": pa.repeat(window, num),
        "event_id": pc.binary_join_element_wise(f"{table}-{window}", pa.array(np.arange(num)).cast(pa.string()), "-"),
        "time": pa.array(time_us, TIME),
        **given,
    }
    return pa.table({f.name: columns.get(f.name, pa.nulls(num, f.type)) for f in TABLES[table]})


def _keys(prefix: str, num: int) -> np.ndarray[Any, Any]:
    keys: np.ndarray[Any, Any] = ids.keys(pa.array([f"{prefix}{n}" for n in range(num)])).to_numpy()
    return keys


def _us(window: str) -> int:
    return round(windows.start(window).timestamp() * 1e6)
