"""The event log: one folder per arrival window, one file per writer, durable before anyone is told so.

A writer that is killed leaves at most one torn line, at the end of a file that nobody appends to again. Ingestion puts
that line in quarantine; it was never acknowledged, so its sender sends it again.
"""

import os
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from homefeed import windows
from homefeed.errors import HomefeedError
from homefeed.object_store import fsync_folder

#: Endings of files that are still being written, here and in the landing folder.
UNFINISHED = (".tmp", ".part")


class EventLogError(HomefeedError):
    """Events could not be made durable; none of the batch is acknowledged, so the sender sends them again."""


@dataclass
class _Batch:
    """Lines of one caller that wait for the disk."""

    window: str
    text: bytes
    done: bool = False
    error: OSError | None = None


@dataclass
class _File:
    """The file that this process appends to; `size` counts the bytes that are durable."""

    path: Path
    descriptor: int
    size: int = 0


@dataclass
class EventLog:
    """The event log under one folder. Safe to use from many threads, and from many processes at once.

    Attributes:
      path: folder of the log; made when the first event arrives.
    """

    path: Path
    _waiting: list[_Batch] = field(default_factory=list, repr=False)
    _queue: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _disk: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _files: dict[str, _File] = field(default_factory=dict, repr=False)
    _owner: int = 0

    def append(self, lines: Sequence[bytes], arrival: datetime) -> None:
        """Make events durable; returns when they are on disk.

        Batches that arrive while another one is being written share the next fsync (group commit), so throughput grows
        with the number of callers while each still waits for the disk.

        Args:
          lines: one JSON object each, without line breaks.
          arrival: when the events arrived; its window is the arrival window.

        Raises:
          EventLogError: the disk refused them (full, read-only, gone), or a line holds a line break.
        """
        if not lines:
            return
        text = b"\n".join(lines) + b"\n"
        if text.count(b"\n") != len(lines):
            raise EventLogError("an event holds a line break; the event log keeps one JSON object per line")
        batch = _Batch(windows.window_of(arrival), text)
        with self._queue:
            self._waiting.append(batch)
        with self._disk:
            if not batch.done:
                self._write_waiting()
        if batch.error is not None:
            raise EventLogError(
                f"{len(lines)} events could not be written to {self.path / batch.window}: {batch.error.strerror}. "
                "Free the disk or move the log with HOMEFEED_VAR; the sender should send them again"
            ) from batch.error

    def files(self, window: str) -> list[Path]:
        """Files of one arrival window that are complete or being appended to, in order of name."""
        folder = self.path / window
        if not folder.is_dir():
            return []
        return sorted(f for f in folder.iterdir() if f.is_file() and f.suffix not in UNFINISHED and f.name[0] != ".")

    def windows(self) -> list[str]:
        """Arrival windows that have a folder, in order."""
        if not self.path.is_dir():
            return []
        return sorted(f.name for f in self.path.iterdir() if f.is_dir() and f.name[0] != ".")

    def close(self) -> None:
        """Close the files; a later append opens new ones."""
        with self._disk:
            for window in list(self._files):
                self._forget(window)

    def _write_waiting(self) -> None:
        """Write and fsync everything that waits; the caller holds the disk lock."""
        with self._queue:
            batches, self._waiting = self._waiting, []
        for window in sorted({b.window for b in batches}):
            group = [b for b in batches if b.window == window]
            try:
                self._write(window, b"".join(b.text for b in group))
            except OSError as error:
                for batch in group:
                    batch.error = error
            for batch in group:
                batch.done = True

    def _write(self, window: str, text: bytes) -> None:
        file = self._open(window)
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(file.descriptor, rest) :]
            os.fsync(file.descriptor)
        except OSError:
            self._give_up(window, file)
            raise
        file.size += len(text)

    def _open(self, window: str) -> _File:
        if self._owner != os.getpid():
            # A forked child must not append to its parent's file.
            self._files, self._owner = {}, os.getpid()
        if window not in self._files:
            folder = self.path / window
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                fsync_folder(self.path.parent)
                fsync_folder(self.path)
            # Processes of several containers share the folder, and each of them is number 1 where it runs.
            path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:16]}.jsonl"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            self._files[window] = _File(path, descriptor)
            fsync_folder(folder)
            for old in sorted(self._files)[:-2]:
                self._forget(old)
        return self._files[window]

    def _give_up(self, window: str, file: _File) -> None:
        """Cut off what was not acknowledged and never append here again.

        After a failed fsync the kernel may have dropped the pages, so what this file holds past `size` is unknown.
        """
        try:
            os.ftruncate(file.descriptor, file.size)
            if not file.size:
                file.path.unlink()
        except OSError:
            # The cut failed too. Ingestion reads what is there: a torn line goes to quarantine, and a whole one counts
            # once however often its sender repeats it.
            pass
        self._forget(window)

    def _forget(self, window: str) -> None:
        os.close(self._files.pop(window).descriptor)
