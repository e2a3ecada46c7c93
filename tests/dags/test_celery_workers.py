"""Airflow on PostgreSQL with Celery workers: queues by kind of work, and a worker that is killed while it trains."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from homefeed.cli.airflow_home import AirflowHomeError, cluster_environment
from homefeed.cli.airflow_pools import import_pools
from homefeed.cli.supervisor.airflow import Airflow
from homefeed.cli.supervisor.preflight import free_port
from homefeed.cli.supervisor.processes import Session, start, stop
from homefeed.settings import Settings, load
from homefeed.settings.platform import PlatformSettings
from tests import servers
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
#: Trains by steps of gradient descent from a seed; the first attempt waits for its worker's death half-way.
DAG = """
from airflow.sdk import DAG, task
from dags.defaults import INGEST, TRAIN, on_queue
from datetime import timedelta

def common(queue):
    made = on_queue(queue)
    quick = {"retry_delay": timedelta(seconds=1), "on_failure_callback": None, "on_success_callback": None}
    return {**made, "default_args": {**made["default_args"], **quick}}

with DAG("count_lines", schedule=None, **common(INGEST)):
    @task
    def count(**context):
        import os
        return os.environ["WORKER"]
    count()

with DAG("fit_line", schedule=None, **common(TRAIN)):
    @task
    def fit(**context):
        import os, time, pathlib
        import numpy as np
        folder = pathlib.Path(os.environ["RESULTS"])
        random = np.random.default_rng(20261123)
        x, weights = random.normal(size=(500, 8)), np.zeros(8)
        y = x @ np.arange(8)
        for step in range(200):
            weights += 0.1 * x.T @ (y - x @ weights) / len(x)
            if step == 100 and context["ti"].try_number == 1:
                (folder / "halfway").write_text(os.environ["WORKER"])
                time.sleep(600)
        draft = folder / "model.draft"
        draft.write_bytes(weights.tobytes())
        draft.replace(folder / "model")
        return os.environ["WORKER"]
    fit()
"""


def test_servers_that_are_not_set_and_databases_that_do_not_do_are_named(settings: Settings) -> None:
    for knobs, message in (
        ({}, "set HOMEFEED_PLATFORM__AIRFLOW_DATABASE_URL"),
        ({"airflow_database_url": "postgresql+psycopg://u@h/a"}, "set HOMEFEED_PLATFORM__AIRFLOW_BROKER_URL"),
        ({"airflow_database_url": "sqlite:///a.db", "airflow_broker_url": "redis://h"}, "needs PostgreSQL"),
    ):
        platform = PlatformSettings(**knobs)  # type: ignore[arg-type]
        with pytest.raises(AirflowHomeError, match=message):
            cluster_environment(settings.model_copy(update={"platform": platform}))


class Processes:
    """Airflow's processes, each with a log of its own, and the sessions that hold all they started: a worker that is
    killed leaves the process of its task behind."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment, self._folder = environment, folder
        self._started: list[tuple[subprocess.Popen[bytes], Session]] = []

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("airflow")), *arguments]
        started = start(name, command, {**self._environment, "WORKER": name}, self._folder / f"{name}.log")
        self._started.append(started)
        return started[0]

    def logs(self) -> str:
        return "\n".join(f"## {log.name}\n{log.read_text()[-2000:]}" for log in sorted(self._folder.glob("*.log")))

    def stop(self) -> None:
        # Killed: nothing of them is looked at any more, and the task whose worker was killed does not end when asked.
        stop([session for _, session in self._started], 0)
        for child, _ in self._started:
            child.wait(5)


@pytest.fixture
def airflow(tmp_path: Path, program: Callable[[str], str]) -> Iterator[tuple[Airflow, Processes, Path]]:
    """API server, scheduler, DAG processor and two workers: `both` for every queue, `trainer` for training only."""
    programs = servers.postgresql_folder()
    if programs is None:
        missing("PostgreSQL is not installed; Debian's package postgresql has it")
    assert programs is not None
    redis = servers.Redis(program("redis-server"), tmp_path, "--save", "")
    redis.start()
    with servers.postgresql(programs, "airflow") as database:
        port = free_port()
        platform = PlatformSettings(
            airflow_port=port,
            airflow_database_url=f"postgresql+psycopg://homefeed:homefeed@127.0.0.1:{database}/airflow",
            airflow_broker_url=f"redis://127.0.0.1:{redis.port}/1",
        )
        settings = load(profile="cluster", var=tmp_path / "var", platform=platform)
        (tmp_path / "dags").mkdir()
        (tmp_path / "dags" / "two_queues.py").write_text(DAG)
        environment = cluster_environment(settings) | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "true",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": "0",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RESULTS": str(tmp_path),
        }
        processes = Processes(environment, tmp_path)
        try:
            assert processes.start("migrate", "db", "migrate").wait(300) == 0, processes.logs()
            import_pools(settings, environment)
            processes.start("api", "api-server")
            processes.start("scheduler", "scheduler", "--skip-serve-logs")
            processes.start("parser", "dag-processor")
            worker = (
                "celery",
                "worker",
                "--concurrency",
                "1",
                "--skip-serve-logs",
                "--without-mingle",
                "--without-gossip",
            )
            processes.start("both", *worker, "--queues", "train,ingest,serve", "--celery-hostname", "both@%h")
            processes.start("trainer", *worker, "--queues", "train", "--celery-hostname", "trainer@%h")
            api = Airflow(f"http://127.0.0.1:{port}", settings.var / "airflow")
            with api._http:
                yield api, processes, tmp_path
        finally:
            processes.stop()
    redis.stop()


def undisturbed() -> bytes:
    """What the training of the DAG gives when nobody kills it."""
    random = np.random.default_rng(20261123)
    x, weights = random.normal(size=(500, 8)), np.zeros(8)
    y = x @ np.arange(8)
    for _ in range(200):
        weights += 0.1 * x.T @ (y - x @ weights) / len(x)
    return weights.tobytes()


def until(what: Callable[[], Any], seconds: float, processes: Processes) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := what():
                return found
        except Exception as error:
            found = error
        assert time.monotonic() < deadline, f"{found}\n{processes.logs()}"
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_worker_s_training_is_done_again_by_another_with_the_same_result(
    airflow: tuple[Airflow, Processes, Path],
) -> None:
    api, processes, folder = airflow
    until(lambda: api.dags().keys() >= {"count_lines", "fit_line"}, 300, processes)
    counted, fitted = api.trigger("count_lines", {}), api.trigger("fit_line", {})
    victim = until((folder / "halfway").read_text, 300, processes)

    def task(dag_id: str, run_id: str) -> dict[str, Any]:
        return api._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"][0]

    if victim == "trainer":  # the other one is free for its second queue
        until(lambda: task("count_lines", counted)["state"] == "success", 120, processes)
    assert not (folder / "model").exists()
    os.killpg(processes._started[{"both": 4, "trainer": 5}[victim]][0].pid, signal.SIGKILL)
    done = until(lambda: (found := task("fit_line", fitted))["state"] == "success" and found, 300, processes)
    assert (done["queue"], done["try_number"]) == ("train", 2)
    other = api._call("GET", f"/api/v2/dags/fit_line/dagRuns/{fitted}/taskInstances/fit/xcomEntries/return_value")
    assert {victim, other["value"]} == {"both", "trainer"}
    assert (folder / "model").read_bytes() == undisturbed()
