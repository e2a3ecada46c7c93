"""Child processes, each in a session of its own, and the file that remembers them.

A session holds everything a child has started, also what later made a process group of its own (Airflow's tasks
do), and outlives a supervisor that was killed: `homefeed stop` finds what is left of it by the file.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

FILE = "run.json"


@dataclass(frozen=True)
class Session:
    """One child and everything it started.

    Attributes: name: what people call it, such as `airflow`. leader: process id of the child, which is also the id
    of its session. started: when the child started, seconds since the epoch; an id that was given to another
    process later is not ours."""

    name: str
    leader: int
    started: float

    def processes(self) -> list[psutil.Process]:
        """Those that still run."""
        return [p for p in psutil.process_iter() if self._holds(p)]

    def _holds(self, process: psutil.Process) -> bool:
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            return alive and os.getsid(process.pid) == self.leader and process.create_time() >= self.started - 1
        except (psutil.Error, ProcessLookupError):
            return False


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> tuple[subprocess.Popen[bytes], Session]:
    """Start a child in a session of its own, with its output at the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return child, session_of(name, child.pid)


def session_of(name: str, pid: int) -> Session:
    """The session that process `pid` leads."""
    return Session(name, pid, psutil.Process(pid).create_time())


def stop(sessions: Sequence[Session], patience_s: float) -> int:
    """End every process of `sessions`: asked, and killed when `patience_s` is over. Returns how many were killed.

    Airflow's API server is asked last: a task that is told to stop reports to it, and would wait for one that is gone.
    """
    deadline = time.monotonic() + patience_s
    for wanted, until in ((_is_not_asked_last, deadline - patience_s / 3), (_is_any, deadline)):
        for process in filter(wanted, _running(sessions)):
            _signal(process, signal.SIGTERM)
        while (left := list(filter(wanted, _running(sessions)))) and time.monotonic() < until:
            psutil.wait_procs(left, timeout=0.2)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)
    return len(left)


def _running(sessions: Sequence[Session]) -> list[psutil.Process]:
    return [process for session in sessions for process in session.processes()]


def _is_any(process: psutil.Process) -> bool:
    return True


def _is_not_asked_last(process: psutil.Process) -> bool:
    try:
        return "api_server" not in " ".join(process.cmdline())
    except psutil.Error:
        return True


def remember(var: Path, supervisor: Session, sessions: Sequence[Session]) -> None:
    """Write down who runs, so that `homefeed stop` and the next `homefeed run` find them."""
    value = {"supervisor": vars(supervisor), "sessions": [vars(session) for session in sessions]}
    draft = var / f"{FILE}.draft"
    draft.write_bytes(orjson.dumps(value))
    draft.replace(var / FILE)


def remembered(var: Path) -> tuple[Session | None, list[Session]]:
    """The supervisor and the sessions of the last run, whether they still live or not."""
    try:
        value = orjson.loads((var / FILE).read_bytes())
    except FileNotFoundError:
        return None, []
    return Session(**value["supervisor"]), [Session(**session) for session in value["sessions"]]


def forget(var: Path) -> None:
    """The run has ended and left nothing behind."""
    (var / FILE).unlink(missing_ok=True)


def is_running(supervisor: Session | None) -> bool:
    """Whether the very process that wrote the file still runs."""
    try:
        return supervisor is not None and abs(psutil.Process(supervisor.leader).create_time() - supervisor.started) < 1
    except psutil.NoSuchProcess:
        return False


def ask(supervisor: Session, patience_s: float) -> None:
    """Ask a running supervisor to end, and wait until it has."""
    process = psutil.Process(supervisor.leader)
    _signal(process, signal.SIGTERM)
    psutil.wait_procs([process], timeout=patience_s)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
