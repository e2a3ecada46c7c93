"""Spark standalone on loopback: a master and two workers of one core, started from the pyspark package and stopped."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

#: Programs of a minute: the compiler that takes longest pays for itself in none of them.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
#: One core and 512 MiB for each executor, one shuffle partition per core: tables of a test are small.
OPTIONS = {
    "spark.executor.memory": "512m",
    "spark.executor.cores": "1",
    "spark.cores.max": "2",
    "spark.driver.memory": "512m",
    "spark.executor.extraJavaOptions": _JAVA,
    "spark.driver.extraJavaOptions": _JAVA,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    # What fails here fails each time.
    "spark.task.maxFailures": "1",
}


def _home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


def _start(folder: Path, name: str, main: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "SPARK_HOME": str(_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": _JAVA,
    }
    environment["SPARK_WORKER_DIR"] = str(folder / name)
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [str(_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{main}", *arguments],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_for(log: Path, pattern: str, seconds: float) -> re.Match[str]:
    deadline = time.monotonic() + seconds
    while not (found := re.search(pattern, log.read_text())):
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)
    return found


@contextlib.contextmanager
def cluster(folder: Path, num_workers: int = 2) -> Iterator[str]:
    """Master and workers; yields the master's URL."""
    local = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
    started = [_start(folder, "master", "master.Master", *local)]
    try:
        url = _wait_for(folder / "master.log", r"(spark://127\.0\.0\.1:[1-9]\d*)", 120)[1]
        for number in range(num_workers):
            name = f"worker-{number}"
            resources = ("--cores", "1", "--memory", "1g")
            started.append(_start(folder, name, "worker.Worker", *local, *resources, url))
        for number in range(num_workers):
            _wait_for(folder / f"worker-{number}.log", "Successfully registered with master", 120)
        yield url
    finally:
        for child in reversed(started):
            child.terminate()
        for child in started:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
