"""`homefeed bench cluster`: exposures and features of a day of impressions, and the same tables by Spark.

The day has `engine.bench_impressions` impressions. Where the settings choose Spark, its workers publish the same day in
a lake of their own, and both lakes are compared row by row.
"""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed import ids, windows
from homefeed.errors import HomefeedError
from homefeed.lake import open_lake
from homefeed.schema import TABLES, TIME
from homefeed.settings import Settings

MEANING = {
    "impressions": "Impressions of the day, 144 windows; 2 of 100 are watched, each viewer has about 100.",
    "exposures_s": "Seconds of `publish_exposures` on DuckDB: join, order, commits.",
    "aggregates_s": "Seconds of `publish_aggregates`: the four tables over 10 minutes to 7 days.",
    "user_state_s": "Seconds of `publish_user_state`.",
    "total_s": "Seconds of the three together.",
    "impressions_per_s": "Impressions per second through all three.",
    "peak_gib": "Largest memory of the process until then, with the making of the impressions.",
    "spark_s": "Seconds of the same three by Spark's workers.",
    "spark_different_rows": "Rows that one engine's tables have and the other's have not, over all six tables.",
}
PUBLISHED = ("exposures", "user_aggregates", "video_aggregates", "channel_aggregates", "topic_aggregates", "user_state")
NUM_WINDOWS = 144
NUM_VIDEOS, NUM_CHANNELS, NUM_TOPICS = 50_000, 5_000, 24
_FIRST = "20261122T0000Z"


class ClusterBenchError(HomefeedError):
    """The engines disagree, so that their times mean nothing."""


def run(settings: Settings, progress: Any) -> dict[str, float]:
    """Make the day, publish it on DuckDB, and on Spark where the settings say so."""
    day = windows.span(_FIRST, windows.shift(_FIRST, NUM_WINDOWS - 1))
    with tempfile.TemporaryDirectory(dir=_scratch(settings)) as folder:
        var = {kind: Path(folder) / kind for kind in ("duckdb", "spark")}
        own = {
            kind: settings.model_copy(update={"var": path, "engine": settings.engine.model_copy(update={"kind": kind})})
            for kind, path in var.items()
        }
        make_day(own["duckdb"], settings.engine.bench_impressions, day)
        times = _publish(own["duckdb"], day)
        progress.update(progress.task_ids[0], completed=0.5)
        results = {
            "impressions": settings.engine.bench_impressions,
            **times,
            "total_s": sum(times.values()),
            "impressions_per_s": settings.engine.bench_impressions / sum(times.values()),
            "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        }
        if settings.resolved_engine.kind == "spark":
            make_day(own["spark"], settings.engine.bench_impressions, day)
            results["spark_s"] = sum(_publish(own["spark"], day).values())
            results["spark_different_rows"] = sum(_num_different(own, table) for table in PUBLISHED)
            if results["spark_different_rows"]:
                raise ClusterBenchError(f"{results['spark_different_rows']} rows differ between DuckDB and Spark")
    return results


def _scratch(settings: Settings) -> Path:
    settings.var.mkdir(parents=True, exist_ok=True)
    return settings.var


def _publish(settings: Settings, day: list[str]) -> dict[str, float]:
    from feature_repo.aggregates import publish_aggregates
    from feature_repo.exposures import publish_exposures
    from feature_repo.user_state import publish_user_state

    times = {}
    for name, step in (
        ("exposures_s", publish_exposures),
        ("aggregates_s", publish_aggregates),
        ("user_state_s", publish_user_state),
    ):
        begin = time.perf_counter()
        step(settings, day)
        times[name] = time.perf_counter() - begin
    return times


def _num_different(own: dict[str, Settings], table: str) -> int:
    """Rows of one lake's table that the other's has not, and the other way round."""
    from feature_repo.lake_tables import open_tables

    with open_tables(own["duckdb"]) as tables:
        files = [open_lake(own[kind].lake_path).files(table) for kind in own]
        mine, theirs = (tables.engine.read(f, TABLES[table]) for f in files)
        return sum(int(tables.value(a.difference(b).count())) for a, b in ((mine, theirs), (theirs, mine)))


def make_day(settings: Settings, num: int, day: list[str]) -> None:
    """Commit `num` impressions spread evenly over `day`, the watches and likes that follow, and the catalogue."""
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
