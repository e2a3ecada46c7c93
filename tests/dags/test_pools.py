"""Pools on an Airflow database: a task whose pool does not exist is never started, and nobody is told."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from homefeed.cli.airflow_home import AirflowHomeError
from homefeed.cli.airflow_pools import import_pools, pools
from homefeed.cli.supervisor.airflow import Airflow, standalone_environment
from homefeed.cli.supervisor.preflight import free_port
from homefeed.settings import Settings, load
from homefeed.settings.platform import PlatformSettings

pytestmark = pytest.mark.slow


def slots(settings: Settings) -> dict[str, int]:
    """What Airflow's database says."""
    with contextlib.closing(sqlite3.connect(settings.var / "airflow" / "airflow.db")) as database:
        return dict(database.execute("SELECT pool, slots FROM slot_pool"))


def sized(settings: Settings, train: int) -> Settings:
    return settings.model_copy(update={"platform": PlatformSettings(train_slots=train)})


def test_without_a_database_the_scheduler_is_not_started_and_the_message_says_why(tmp_path: Path) -> None:
    settings = load(var=tmp_path)
    with pytest.raises(AirflowHomeError, match="pools cannot be made: .*homefeed airflow db migrate"):
        import_pools(settings, standalone_environment(settings, free_port(), paused=False))


def test_the_pool_of_every_task_is_in_the_database(tmp_path: Path, parsed: dict[str, Any]) -> None:
    settings, port = load(var=tmp_path), free_port()
    environment = standalone_environment(settings, port, paused=False)
    subprocess.run(["airflow", "db", "migrate"], env=environment, check=True, capture_output=True)
    wanted = {task["pool"] for dag in parsed["dags"].values() for task in dag["tasks"].values()}
    assert not wanted <= slots(settings).keys()
    import_pools(sized(settings, 3), environment)
    assert wanted == pools(settings).keys() <= slots(settings).keys()
    assert slots(settings)["train"] == 3
    # And by the REST API, as `homefeed run` does it: the size changes, the others stay.
    command = [str(Path(sys.executable).with_name("airflow")), "api-server"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            airflow = Airflow(f"http://127.0.0.1:{port}", settings.var / "airflow")
            with airflow._http:
                until_it_answers(airflow, server)
                airflow.set_pools(pools(sized(settings, 5)))
        finally:
            server.terminate()
    assert slots(settings)["train"] == 5
    assert slots(settings)["ingest"] == settings.platform.ingest_slots


def until_it_answers(airflow: Airflow, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 300
    while True:
        assert server.poll() is None
        assert time.monotonic() < deadline
        with contextlib.suppress(httpx.HTTPError):
            if airflow._http.get("/api/v2/version").is_success:
                return
        time.sleep(0.5)


def test_the_command_makes_them_before_the_scheduler_and_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from homefeed.cli import airflow, airflow_pools

    called: list[Any] = []
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path))
    monkeypatch.setattr(airflow_pools, "import_pools", lambda settings, environment: called.append("pools"))
    monkeypatch.setattr(os, "execve", lambda path, arguments, environment: called.append(arguments[1:]))
    airflow.command(["scheduler", "--num-runs", "1"])
    airflow.command(["pools", "list"])
    assert called == ["pools", ["scheduler", "--num-runs", "1"], ["pools", "list"]]
