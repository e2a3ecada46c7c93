"""Whatever a child has started ends with it, also what made a process group of its own or does not listen."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from homefeed.cli.supervisor import processes

#: A child with a grandchild in a process group of its own, as Airflow's tasks are.
_FAMILY = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print("up", flush=True)
time.sleep(600)
"""
_DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


Started = list[tuple["subprocess.Popen[bytes]", processes.Session]]


@pytest.fixture
def started() -> Iterator[Started]:
    children: Started = []
    yield children
    processes.stop([session for _, session in children], 0.0)
    for child, _ in children:
        child.wait()


def _start(code: str, log: Path, started: Started) -> processes.Session:
    child, session = processes.start("child", [sys.executable, "-c", code], os.environ, log)
    started.append((child, session))
    while "up" not in log.read_text():
        time.sleep(0.02)
        assert child.poll() is None
    return session


def test_a_grandchild_in_another_group_ends_too(tmp_path: Path, started: Started) -> None:
    session = _start(_FAMILY, tmp_path / "log", started)
    family = session.processes()
    assert len(family) == 2
    assert processes.stop([session], 10.0) == 0
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family)


def test_one_that_does_not_listen_is_killed(tmp_path: Path, started: Started) -> None:
    session = _start(_DEAF, tmp_path / "log", started)
    assert processes.stop([session], 0.3) == 1
    assert session.processes() == []


def test_what_a_killed_supervisor_left_is_found_by_the_file(tmp_path: Path, started: Started) -> None:
    session = _start(_FAMILY, tmp_path / "log", started)
    processes.remember(tmp_path, processes.session_of("supervisor", os.getpid()), [session])
    os.kill(session.leader, signal.SIGKILL)
    supervisor, (found,) = processes.remembered(tmp_path)
    assert processes.is_running(supervisor)
    while len(found.processes()) != 1:
        time.sleep(0.02)
    processes.stop([found], 10.0)
    assert found.processes() == []
    processes.forget(tmp_path)
    assert processes.remembered(tmp_path) == (None, [])


def test_an_id_that_was_given_to_a_later_process_is_not_ours() -> None:
    ours = processes.session_of("supervisor", os.getpid())
    assert not processes.is_running(processes.Session("supervisor", ours.leader, ours.started - 100))
    assert not processes.is_running(None)
