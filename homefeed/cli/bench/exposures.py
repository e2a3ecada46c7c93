"""`homefeed bench exposures`: the label join as the platform writes it, beside the plainest SQL for the same join."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from homefeed.lake import Lake, open_lake
from homefeed.schema import TABLES, TIME
from homefeed.settings import Settings
from homefeed.windows import WINDOW_S, shift, span, start

MEANING = {
    "impressions": "Impressions joined, over 24 windows; 2 of 100 are watched within the label window.",
    "impressions_per_s": "Impressions per second from Parquet files of the lake to labelled exposures, by the Ibis "
    "expression of feature_repo.exposures; every column is computed and counted, none is copied out. Best of the runs.",
    "plain_sql_per_s": "The same by the plainest hand-written DuckDB SQL for the same join, in the same run.",
    "time_ratio": "Time of the expression divided by the time of the plain SQL; below 1 is faster.",
    "published_per_s": "Impressions per second of publish_exposures: the join, rows in order, and the Delta commit.",
    "positive": "Exposures that were watched; both ways must find the same number.",
}
NUM_WINDOWS = 24
NUM_IMPRESSIONS = 4_000_000
NUM_VIEWERS = 100_000
NUM_VIDEOS = 50_000
#: Runs of each way, in turn; the best counts, as other work on the machine only slows.
NUM_RUNS = 5
_FIRST = "20261123T1800Z"
_LABELS = ("watched", "watch_s", "completion", "liked", "subscribed", "shared", "dismissed")


class BenchError(RuntimeError):
    """The two ways disagree, so that a comparison of their times would mean nothing."""


def run(settings: Settings, progress: Any) -> dict[str, float]:
    """Make the tables in a folder of its own, join them both ways, and publish them once."""
    from feature_repo.exposures import exposures, publish_exposures
    from feature_repo.lake_tables import open_tables

    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"var": Path(folder)})
        lake = open_lake(own.lake_path)
        _write_tables(lake, np.random.default_rng(settings.seed))
        last = shift(_FIRST, NUM_WINDOWS - 1)
        with open_tables(own) as tables:
            shown = tables.table("impressions", _FIRST, last)
            joined = exposures(tables, shown, _FIRST, last, own.features)
            ways = [tables.backend.compile(joined), _plain_sql(lake, own)]
            runs = [_consumer(tables.backend, sql) for sql in ways]
            found, times = _race(runs, progress)
        begin = time.perf_counter()
        report = publish_exposures(own, span(_FIRST, last))
        published_s = time.perf_counter() - begin
    if len({*found, float(report.positive)}) > 1:
        raise BenchError(f"the expression, the plain SQL and the table have {found} and {report.positive} positives")
    return {
        "impressions": NUM_IMPRESSIONS,
        "impressions_per_s": NUM_IMPRESSIONS / times[0],
        "plain_sql_per_s": NUM_IMPRESSIONS / times[1],
        "time_ratio": times[0] / times[1],
        "published_per_s": NUM_IMPRESSIONS / published_s,
        "positive": report.positive,
    }


def _race(runs: list[Callable[[], float]], progress: Any) -> tuple[list[float], list[float]]:
    """What each run found, and its best time [s] of `NUM_RUNS`."""
    found, best = [0.0] * len(runs), [float("inf")] * len(runs)
    for i in range(NUM_RUNS):
        for way, call in enumerate(runs):
            begin = time.perf_counter()
            found[way] = call()
            best[way] = min(best[way], time.perf_counter() - begin)
        progress.update(progress.task_ids[0], completed=(i + 1) / NUM_RUNS)
    return found, best


def _consumer(backend: Any, sql: str) -> Callable[[], float]:
    """Counts the non-null values of every column and sums the labels of a query; answers the number of positives."""
    counted = ", ".join(f'count("{name}")' for name in TABLES["exposures"].names)
    summed = ", ".join(f'sum("{name}"::DOUBLE)' for name in _LABELS)
    query = f"SELECT {summed}, {counted} FROM ({sql})"
    return lambda: float(backend.raw_sql(query).fetchall()[0][0])


def _plain_sql(lake: Lake, settings: Settings) -> str:
    def files(table: str) -> str:
        return f"read_parquet({lake.files(table)}, hive_partitioning = true, hive_types_autocast = false)"

    knobs = settings.features
    return f"""
    WITH reactions AS (
      SELECT "user", video, time, seconds, false AS liked, false AS subscribed, false AS shared, false AS dismissed
      FROM {files("watches")}
      UNION ALL
      SELECT "user", video, time, NULL, kind = 'like', kind = 'subscribe', kind IN ('share', 'comment'),
        kind IN ('dislike', 'not_interested', 'report')
      FROM {files("feedback")}
    ), labels AS (
      SELECT i.event_id, sum(seconds) AS watch_s, max(seconds) AS longest_s, bool_or(liked) AS liked,
        bool_or(subscribed) AS subscribed, bool_or(shared) AS shared, bool_or(dismissed) AS dismissed
      FROM {files("impressions")} i JOIN reactions r ON i."user" = r."user" AND i.video = r.video
        AND r.time >= i.time AND r.time < i.time + INTERVAL {knobs.label_window_s} SECOND
      GROUP BY i.event_id
    ), lengths AS (SELECT video, arg_max(duration_s, time) AS duration_s FROM {files("videos")} GROUP BY video)
    SELECT i.*, coalesce(longest_s >= {knobs.min_watch_s}, false) AS watched, coalesce(watch_s, 0)::FLOAT AS watch_s,
      coalesce(least(watch_s / duration_s, 1), 0)::FLOAT AS completion, coalesce(liked, false) AS liked,
      coalesce(subscribed, false) AS subscribed, coalesce(shared, false) AS shared,
      coalesce(dismissed, false) AS dismissed
    FROM {files("impressions")} i LEFT JOIN labels USING (event_id) LEFT JOIN lengths USING (video)"""


def _write_tables(lake: Lake, rng: np.random.Generator) -> None:
    """Impressions spread evenly over the windows, 2 of 100 watched up to 11 minutes later, a third of these liked."""
    names = span(_FIRST, shift(_FIRST, NUM_WINDOWS))
    begin = int(start(_FIRST).timestamp() * 1e6)
    time_us = begin + np.sort(rng.integers(0, NUM_WINDOWS * WINDOW_S * 1_000_000, NUM_IMPRESSIONS))
    user = rng.integers(1, 2**62, NUM_VIEWERS)[rng.integers(0, NUM_VIEWERS, NUM_IMPRESSIONS)]
    videos = rng.integers(1, 2**62, NUM_VIDEOS)
    # Few videos get most of the impressions.
    video = videos[(NUM_VIDEOS * rng.random(NUM_IMPRESSIONS) ** 3).astype(np.int64)]
    shown = {
        "slot": np.tile(np.arange(100, dtype=np.int16), NUM_IMPRESSIONS // 100),
        "score": rng.random(NUM_IMPRESSIONS),
    }
    _write(lake, "impressions", names, time_us, user=user, video=video, **shown)
    watched = np.flatnonzero(rng.random(NUM_IMPRESSIONS) < 0.02)
    watch_us = time_us[watched] + rng.integers(0, 660_000_000, len(watched))
    seconds = rng.exponential(120.0, len(watched))
    _write(lake, "watches", names, watch_us, user=user[watched], video=video[watched], seconds=seconds)
    liked = watched[::3]
    kinds = pa.array(["like"] * len(liked))
    _write(lake, "feedback", names, watch_us[::3], user=user[liked], video=video[liked], kind=kinds)
    _write(
        lake, "videos", names, np.full(NUM_VIDEOS, begin), video=videos, duration_s=rng.uniform(30, 1800, NUM_VIDEOS)
    )


def _write(lake: Lake, table: str, names: list[str], time_us: np.ndarray[Any, Any], **columns: Any) -> None:
    """Commit events that end before the window after the last of `names`; columns that are not given are null."""
    count = len(time_us)
    index = (time_us - int(start(names[0]).timestamp() * 1e6)) // (WINDOW_S * 1_000_000)
    within = pa.array(index < len(names))
    given = {
        "window": pa.array(names).take(pa.array(np.minimum(index, len(names) - 1))),
        "event_id": pa.array(np.char.add(f"{table}-", np.arange(count).astype(str))),
        "time": pa.array(time_us, TIME),
        **columns,
    }
    schema = TABLES[table]
    rows = pa.table({f.name: given[f.name] if f.name in given else pa.nulls(count, f.type) for f in schema})
    lake.replace(table, names, rows.filter(within))
