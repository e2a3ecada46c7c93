"""The event log: what it has acknowledged is on disk, what it has not is nobody's."""

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homefeed.ingest.event_log import EventLog, EventLogError

NOW = datetime(2026, 11, 23, 22, 5, tzinfo=UTC)
WINDOW = "20261123T2200Z"


def lines(log: EventLog, window: str = WINDOW) -> list[bytes]:
    return [line for file in log.files(window) for line in file.read_bytes().splitlines()]


def test_an_empty_log_has_no_windows_and_no_files(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    log.append([], NOW)
    assert (log.windows(), log.files(WINDOW)) == ([], [])


def test_events_are_kept_by_the_window_they_arrived_in(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.append([b'{"a":1}', b'{"a":2}'], NOW)
    log.append([b'{"a":3}'], datetime(2026, 11, 23, 22, 10, tzinfo=UTC))
    assert log.windows() == [WINDOW, "20261123T2210Z"]
    assert lines(log) == [b'{"a":1}', b'{"a":2}']
    assert lines(log, "20261123T2210Z") == [b'{"a":3}']


def test_callers_at_the_same_time_share_an_fsync_and_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, first_is_writing, go_on, syncs = EventLog(tmp_path), threading.Event(), threading.Event(), []
    log.append([b"0"], NOW)
    real = os.fsync

    def slow(descriptor: int) -> None:
        syncs.append(descriptor)
        first_is_writing.set()
        go_on.wait(10)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    callers = [threading.Thread(target=log.append, args=([str(n).encode()], NOW)) for n in range(1, 9)]
    callers[0].start()
    first_is_writing.wait(10)
    for caller in callers[1:]:
        caller.start()
    while len(log._waiting) < 7:
        pass
    go_on.set()
    for caller in callers:
        caller.join()
    assert sorted(lines(log)) == [str(n).encode() for n in range(9)]
    assert len(syncs) == 2


def test_a_line_break_inside_an_event_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EventLogError, match="line break"):
        EventLog(tmp_path).append([b'{"a":\n1}'], NOW)


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_full_disk_acknowledges_nothing_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    log = EventLog(tmp_path)
    log.append([b'{"a":1}'], NOW)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, full)
        with pytest.raises(EventLogError, match="No space left on device.*HOMEFEED_VAR"):
            log.append([b'{"a":2}'], NOW)
    assert lines(log) == [b'{"a":1}']
    log.append([b'{"a":3}'], NOW)
    assert sorted(lines(log)) == [b'{"a":1}', b'{"a":3}']


def test_a_file_that_may_not_grow_is_cut_back_to_what_was_acknowledged(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.append([b"x" * 999], NOW)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))
        with pytest.raises(EventLogError, match="File too large"):
            log.append([b"y" * 999], NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert lines(log) == [b"x" * 999]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file where the folder should be")
    with pytest.raises(EventLogError, match=f"{tmp_path}/events/{WINDOW}"):
        EventLog(tmp_path / "events").append([b"{}"], NOW)


_WRITER = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from homefeed.ingest.event_log import EventLog
log = EventLog(Path(sys.argv[1]))
for number in range(10**9):
    log.append([b'{"number":%d}' % number], datetime(2026, 11, 23, 22, 5, tzinfo=UTC))
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().split()]
    log = EventLog(tmp_path)
    kept = lines(log)
    assert kept[: len(acknowledged)] == [b'{"number":%d}' % number for number in acknowledged]
    assert len(kept) <= len(acknowledged) + 1
