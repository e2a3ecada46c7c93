"""`homefeed bench cluster`: exposures and features of a day of impressions, and the same tables by Spark.

The day has `engine.bench_impressions` impressions. It is made in one process and published in another, so that the
peak is that of publishing. Where the settings choose Spark, its workers publish the same day in a lake of their own,
and both lakes are compared row by row.
"""

import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from homefeed.cli.bench.cluster_day import MADE, make_day, windows_of_day
from homefeed.errors import HomefeedError
from homefeed.lake import open_lake
from homefeed.schema import TABLES
from homefeed.settings import Settings

MEANING = {
    "impressions": "Impressions of the day, 144 windows; 2 of 100 are watched, each viewer has about 100.",
    "exposures_s": "Seconds of `publish_exposures` on DuckDB: join, order, commits.",
    "aggregates_s": "Seconds of `publish_aggregates`: the four tables over 10 minutes to 7 days.",
    "user_state_s": "Seconds of `publish_user_state`.",
    "total_s": "Seconds of the three together.",
    "exposures_cpu_s": "Processor seconds of `publish_exposures`, over all threads.",
    "aggregates_cpu_s": "Processor seconds of `publish_aggregates`.",
    "user_state_cpu_s": "Processor seconds of `publish_user_state`.",
    "total_cpu_s": "Processor seconds of the three together: what other work on the machine does not change.",
    "impressions_per_s": "Impressions per second through all three.",
    "peak_gib": "Largest memory of the process that publishes.",
    "spark_s": "Seconds of the same three by Spark's workers.",
    "spark_different_rows": "Rows that one engine's tables have and the other's have not, over all six tables.",
}
PUBLISHED = ("exposures", "user_aggregates", "video_aggregates", "channel_aggregates", "topic_aggregates", "user_state")


class ClusterBenchError(HomefeedError):
    """The engines disagree, so that their times mean nothing."""


def run(settings: Settings, progress: Any) -> dict[str, float]:
    """Make the day, publish it on DuckDB, and on Spark where the settings say so."""
    settings.var.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.var) as folder:
        var = {kind: Path(folder) / kind for kind in ("duckdb", "spark")}
        # On this machine's disk, wherever the site's own lake is.
        here = settings.model_copy(update={"storage": settings.storage.model_copy(update={"url": ""})})
        own = {
            kind: here.model_copy(update={"var": path, "engine": here.engine.model_copy(update={"kind": kind})})
            for kind, path in var.items()
        }
        _apart(make_day, own["duckdb"])
        progress.update(progress.task_ids[0], completed=0.3)
        results = {"impressions": settings.engine.bench_impressions, **_apart(publish_day, own["duckdb"])}
        results["impressions_per_s"] = settings.engine.bench_impressions / results["total_s"]
        if settings.resolved_engine.kind == "spark":
            progress.update(progress.task_ids[0], completed=0.5)
            for table in MADE:
                shutil.copytree(f"{own['duckdb'].lake_path}/{table}", f"{own['spark'].lake_path}/{table}")
            results["spark_s"] = _apart(publish_day, own["spark"])["total_s"]
            results["spark_different_rows"] = sum(_num_different(own, table) for table in PUBLISHED)
            if results["spark_different_rows"]:
                raise ClusterBenchError(f"{results['spark_different_rows']} rows differ between DuckDB and Spark")
    return results


def _apart(step: Callable[[Settings], Any], settings: Settings) -> Any:
    """What `step` answers in a process of its own. This one stays small: a child's peak begins at its parent's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(step, settings).result()


def publish_day(settings: Settings) -> dict[str, float]:
    """Publish the whole day; returns the results that `MEANING` names `*_s` and `peak_gib`."""
    from feature_repo.aggregates import publish_aggregates
    from feature_repo.exposures import publish_exposures
    from feature_repo.user_state import publish_user_state

    steps: dict[str, Callable[[Settings, list[str]], Any]] = {
        "exposures": publish_exposures,
        "aggregates": publish_aggregates,
        "user_state": publish_user_state,
    }
    wall, cpu = {}, {}
    for name, step in steps.items():
        begin, cpu_begin = time.perf_counter(), time.process_time()
        step(settings, windows_of_day())
        wall[f"{name}_s"] = time.perf_counter() - begin
        cpu[f"{name}_cpu_s"] = time.process_time() - cpu_begin
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        **wall,
        "total_s": sum(wall.values()),
        **cpu,
        "total_cpu_s": sum(cpu.values()),
        "peak_gib": peak_gib,
    }


def _num_different(own: dict[str, Settings], table: str) -> int:
    """Rows of one lake's table that the other's has not, and the other way round."""
    from feature_repo.lake_tables import open_tables

    with open_tables(own["duckdb"]) as tables:
        files = [open_lake(own[kind].lake_path).files(table) for kind in own]
        mine, theirs = (tables.engine.read(f, TABLES[table]) for f in files)
        return sum(int(tables.value(a.difference(b).count())) for a, b in ((mine, theirs), (theirs, mine)))
