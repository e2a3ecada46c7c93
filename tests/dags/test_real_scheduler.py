"""`homefeed run` on a small site: Airflow's own scheduler goes from event files to a LIVE release; Ctrl-C ends all; an
upgrade that cannot read the release starts all the same, and trains another."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from homefeed import manifest
from homefeed.cli.supervisor import processes
from homefeed.cli.supervisor.preflight import free_port
from homefeed.registry import open_registry
from homefeed.settings import load
from models.bundle import bundle_path

SMALL = {
    "HOMEFEED_WORLD__NUM_VIEWERS": "1500",
    "HOMEFEED_WORLD__NUM_VIDEOS": "1000",
    "HOMEFEED_WORLD__HISTORY_DAYS": "1",
    "HOMEFEED_RANKING__MAX_EPOCHS": "1",
    "HOMEFEED_RANKING__MIN_TRAINING_STEPS": "100",
    "HOMEFEED_PLATFORM__MIN_FREE_GIB": "0",
    "HOMEFEED_ROLLOUT__MIN_ROWS": "500",
    "HOMEFEED_ROLLOUT__MIN_POSITIVES": "20",
    "HOMEFEED_ROLLOUT__MIN_OFFLINE_VIEWERS": "30",
    # What is tested is the way to LIVE; a model of one pass over so little need not be calibrated.
    "HOMEFEED_ROLLOUT__MIN_CALIBRATION": "0.1",
    "HOMEFEED_ROLLOUT__MAX_CALIBRATION": "10",
    "HOMEFEED_ROLLOUT__ECE_SLACK": "1",
}


class Run:
    """`homefeed run` as a child, and what it has printed."""

    def __init__(self, folder: Path, number: int, changed: dict[str, str]) -> None:
        self.var, self._log = folder / "var", folder / f"run-{number}.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        ports = {"SERVING__PORT": self.url.rsplit(":", 1)[1], "PLATFORM__AIRFLOW_PORT": str(free_port())}
        environment = {**os.environ, **SMALL, **changed, **{f"HOMEFEED_{n}": port for n, port in ports.items()}}
        command = [sys.executable, "-c", "from homefeed.cli import main; main()", "run"]
        with self._log.open("ab") as log:
            self.child = subprocess.Popen(
                command,
                env=environment | {"HOMEFEED_VAR": str(self.var)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output():
            assert self.child.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.5)

    def interrupt(self) -> list[processes.Session]:
        """Ctrl-C; returns the sessions that were running."""
        _, sessions = processes.remembered(self.var)
        self.child.send_signal(signal.SIGINT)
        assert self.child.wait(90) == 0, self.output()
        return sessions

    def page(self) -> Any:
        asked = httpx.post(f"{self.url}/recommend", json={"user": "viewer-000001"}, timeout=30)
        return asked.raise_for_status().json()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Starts it, and starts it again, on the same `var`, with some settings."""
    started: list[Run] = []

    def run(**changed: str) -> Run:
        started.append(Run(tmp_path, len(started), changed))
        return started[-1]

    yield run
    for one in started:
        one.child.kill()
        one.child.wait()
        processes.stop(processes.remembered(one.var)[1], 1.0)


def as_of_another_version(var: Path, release: str) -> None:
    """What a bundle is to code whose ranker has other weights: whole, and of no use."""
    bundle = bundle_path(load(var=var), release)
    with np.load(bundle / "page_ranker.npz") as saved:
        weights = {name: saved[name] for name in saved.files if name != "phase"}
    np.savez(bundle / "page_ranker.npz", **weights)
    manifest.write(bundle, manifest.Manifest.model_validate_json((bundle / manifest.FILE).read_text()))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_from_event_files_to_a_live_release_and_no_process_left(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_for("live release", 800)
    registry = open_registry(f"sqlite:///{run.var / 'registry.db'}")
    live = registry.live()
    assert live is not None
    page = run.page()
    assert page["release"] == live.id
    assert len(page["videos"]) == 100
    assert "about" in run.output()
    passwords = json.loads((run.var / "airflow" / "simple_auth_manager_passwords.json.generated").read_bytes())
    assert passwords["admin"] in run.output()
    sessions = run.interrupt()
    assert {session.name for session in sessions} == {"airflow", "service", "watch"}
    assert [session.processes() for session in sessions] == [[], [], []]
    assert processes.remembered(run.var) == (None, [])

    as_of_another_version(run.var, live.id)
    # Code that reads other numbers names its trainings otherwise; here a setting does.
    run = start(HOMEFEED_RANKING__MAX_EPOCHS="2")
    run.wait_for("home page", 400)
    assert f"the live release {live.id} is of another version of the code" in run.output()
    page = run.page()
    assert "no_release" in page["degraded"]
    assert len(page["videos"]) == 100
    deadline = time.monotonic() + 600
    while registry.live().id == live.id:
        assert run.child.poll() is None, run.output()
        assert time.monotonic() < deadline, run.output()
        time.sleep(0.5)
    (first, *_) = registry.transitions(registry.live().id)
    assert any(check["name"] == "live_bundle" and "another version" in check["detail"] for check in first.checks)
    run.interrupt()
