"""The watching process is started again when it ends, and stops nothing else."""

import sys
from io import StringIO

import pytest
from rich.console import Console

from homefeed.cli.supervisor import processes, watcher
from homefeed.cli.supervisor.watcher import Watcher
from homefeed.settings import Settings

_SAY = "import os; print(os.environ['HOMEFEED_ALERTS__SERVICE_URL'], os.environ['HOMEFEED_VAR'], flush=True)"


def start(settings: Settings, code: str) -> tuple[Watcher, list[processes.Session], StringIO]:
    sessions: list[processes.Session] = []
    said = StringIO()
    found = Watcher(
        settings, "http://127.0.0.1:9", Console(file=said, width=200), sessions.append, (sys.executable, "-c", code)
    )
    return found, sessions, said


def test_one_that_ended_is_started_again_but_not_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    found, sessions, said = start(settings, f"{_SAY}; raise SystemExit(3)")
    found._child.wait(30)
    found.tend()
    assert len(sessions) == 1, "one that cannot run must not keep the machine busy"
    monkeypatch.setattr(watcher, "_AGAIN_S", 0.0)
    found.tend()
    assert [session.name for session in sessions] == ["watch", "watch"]
    found._child.wait(30)
    assert "watch ended by itself (3)" in said.getvalue()
    lines = (settings.var / "watch.log").read_text().splitlines()
    assert lines == [f"http://127.0.0.1:9 {settings.var.absolute()}"] * 2


def test_one_that_runs_is_left_alone_and_is_stopped_like_every_child(settings: Settings) -> None:
    found, sessions, _ = start(settings, "import time; time.sleep(60)")
    found.tend()
    assert len(sessions) == 1
    assert processes.stop(sessions, 10) == 0
    found._child.wait(10)
