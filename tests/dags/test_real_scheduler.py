"""`homefeed run` on a small site: Airflow's own scheduler goes from event files to a LIVE release; Ctrl-C ends all."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from homefeed.cli.supervisor import processes
from homefeed.cli.supervisor.preflight import free_port
from homefeed.registry import open_registry

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

    def __init__(self, folder: Path) -> None:
        self.var, self._log = folder / "var", folder / "run.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        ports = {"SERVING__PORT": self.url.rsplit(":", 1)[1], "PLATFORM__AIRFLOW_PORT": str(free_port())}
        environment = {**os.environ, **SMALL, **{f"HOMEFEED_{name}": port for name, port in ports.items()}}
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


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path)
    yield started
    started.child.kill()
    started.child.wait()
    processes.stop(processes.remembered(started.var)[1], 1.0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_event_files_to_a_live_release_and_no_process_left(run: Run) -> None:
    run.wait_for("live release", 800)
    live = open_registry(f"sqlite:///{run.var / 'registry.db'}").live()
    assert live is not None
    page = httpx.post(f"{run.url}/recommend", json={"user": "viewer-000001"}, timeout=30).raise_for_status().json()
    assert page["release"] == live.id
    assert len(page["videos"]) == 100
    assert "about" in run.output()
    passwords = json.loads((run.var / "airflow" / "simple_auth_manager_passwords.json.generated").read_bytes())
    assert passwords["admin"] in run.output()
    sessions = run.interrupt()
    assert {session.name for session in sessions} == {"airflow", "service", "watch"}
    assert [session.processes() for session in sessions] == [[], [], []]
    assert processes.remembered(run.var) == (None, [])
