"""The Spark application of this process: started with the first query, on the master that the settings name."""

import atexit
import contextlib
import os
import socket
import sys
import threading
import time
from typing import Any

from feature_repo.engine_error import EngineError
from homefeed.settings.engine import EngineSettings

#: Spark 4 is the first whose SQL has functions of our own and whose frames are Arrow tables.
MIN_VERSION = (4, 0)
#: What the lake needs of Spark, whatever the site sets.
_PROPERTIES = {
    "spark.sql.session.timeZone": "UTC",
    # Delta tables hold microseconds since 1970; Spark's own default is a type that others have given up.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The lake says which files there are: they are listed here, not by a job on the workers.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    # Partitions as large as their rows are worth, also of tables that are kept: else the rows of a window are given to
    # hundreds of tasks each time, whose starts take most of the time.
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    # As on DuckDB, an element that a list has not is null.
    "spark.sql.ansi.enabled": "false",
    "spark.driver.maxResultSize": "0",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_lock = threading.Lock()


def spark_session(knobs: EngineSettings) -> Any:
    """A session with its own temporary views and functions; every session of a process shares one application.

    Raises:
      EngineError: Spark is not installed, too old, or its master gives no worker within `engine.spark_connect_s`.
    """
    try:
        import pyspark
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError(
            "the engine is spark and pyspark is not installed: pip install 'homefeed[cluster]', or set "
            "HOMEFEED_ENGINE__KIND=duckdb"
        ) from error
    if tuple(int(part) for part in pyspark.__version__.split(".")[:2]) < MIN_VERSION:
        raise EngineError(
            f"pyspark {pyspark.__version__} is too old, Homefeed needs 4.0 or newer: pip install 'homefeed[cluster]'"
        )
    with _lock:
        running = SparkSession.getActiveSession() or SparkSession._instantiatedSession
        if running is not None and not _is_usable(running, knobs):
            running.stop()
            running = None
        return (running or _start(knobs)).newSession()


def _is_usable(session: Any, knobs: EngineSettings) -> bool:
    context = session.sparkContext
    return context._jsc is not None and not context._jsc.sc().isStopped() and context.master == knobs.spark_master


def _start(knobs: EngineSettings) -> Any:
    from pyspark.sql import SparkSession

    master = knobs.spark_master
    _check_address(master)
    # Workers that read a store do so by Python (`spark_store`); else theirs would be whatever is first on their PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("homefeed")
    for name, value in {**_PROPERTIES, **knobs.spark_options}.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise EngineError(
            f"Spark does not start on {master}: {_first_line(error)}; HOMEFEED_ENGINE__SPARK_MASTER names another "
            "master. It must run the same version as pyspark here, and needs Java 17 or newer on this machine"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    atexit.register(_stop, session)
    _wait_for_worker(session, knobs)
    return session


def _check_address(master: str) -> None:
    """A master that nobody listens for is known at once; Spark itself would try for a minute and say less."""
    if not master.startswith("spark://"):
        return
    first = master.removeprefix("spark://").split(",")[0]
    host, _, port = first.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no Spark master answers at {master} ({error}): start it, or set HOMEFEED_ENGINE__SPARK_MASTER"
        ) from error


def _wait_for_worker(session: Any, knobs: EngineSettings) -> None:
    if knobs.spark_master.startswith("local"):
        return
    deadline = time.monotonic() + knobs.spark_connect_s
    # The status counts this process too.
    while session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 2:
        if time.monotonic() > deadline:
            session.stop()
            raise EngineError(
                f"Spark at {knobs.spark_master} gave no worker within {knobs.spark_connect_s:g} s: "
                "start workers, free cores or memory for HOMEFEED_ENGINE__SPARK_OPTIONS (`spark.executor.memory`), "
                "or raise HOMEFEED_ENGINE__SPARK_CONNECT_S"
            )
        time.sleep(0.1)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _stop(session: Any) -> None:
    with contextlib.suppress(Exception):
        session.stop()
