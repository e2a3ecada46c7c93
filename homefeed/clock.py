"""The time, asked for at the edges only (service, command line, live viewers); a task is told its window instead."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Clock = Callable[[], datetime]


def clock(file: Path | None) -> Clock:
    """The machine's clock, or one that reads an ISO 8601 time from `file` at every call.

    The second form lets the demo and the tests run hours of event time in minutes, with the same code and one clock for
    every process that is given the same file.
    """
    if file is None:
        return lambda: datetime.now(UTC)

    def read() -> datetime:
        return datetime.fromisoformat(file.read_text().strip()).astimezone(UTC)

    return read


def set_clock(file: Path, time: datetime) -> None:
    """Move a file clock; readers see either the old time or the new one."""
    draft = file.with_suffix(".draft")
    draft.write_text(time.isoformat())
    draft.replace(file)
