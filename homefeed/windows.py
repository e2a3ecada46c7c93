"""A window is ten minutes of event time: the unit of ingestion, of idempotence and of backfill.

A window is named by the minute it starts at, in UTC, as `20261123T2210Z`. Names sort as the windows do, read well in an
Airflow log and are safe as folder names, so they are also the partition value of every lake table.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

WINDOW_S = 600
WINDOW = timedelta(seconds=WINDOW_S)
_FORMAT = "%Y%m%dT%H%MZ"


def window_of(time: datetime) -> str:
    """The window that holds `time` (timezone-aware); a time on the edge belongs to the window that starts there."""
    if time.tzinfo is None:
        raise ValueError(f"{time.isoformat()} has no time zone; event times are UTC and timezone-aware")
    seconds = int(time.timestamp()) // WINDOW_S * WINDOW_S
    return datetime.fromtimestamp(seconds, UTC).strftime(_FORMAT)


def of_file(path: str) -> str:
    """The window whose rows a file of a lake table holds, as its path says: `.../window=20261123T2210Z/...`."""
    return path.rsplit("window=", 1)[1].split("/", 1)[0]


def start(window: str) -> datetime:
    """First instant of `window`. Raises ValueError when it is not the name of a window."""
    try:
        time = datetime.strptime(window, _FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{window!r} is not a window; a window looks like 20261123T2210Z") from error
    if time.minute % 10:
        raise ValueError(f"{window!r} is not a window; windows start at minutes 0, 10, 20, 30, 40 and 50")
    return time


def end(window: str) -> datetime:
    """First instant after `window`."""
    return start(window) + WINDOW


def shift(window: str, num_windows: int) -> str:
    """The window `num_windows` later, or earlier when negative."""
    return window_of(start(window) + num_windows * WINDOW)


def span(first: str, last: str) -> list[str]:
    """Every window from `first` to `last`, both included, in order; empty when `last` is before `first`."""
    count = int((start(last) - start(first)) / WINDOW) + 1
    return [shift(first, i) for i in range(count)]


def between(begin: datetime, until: datetime) -> list[str]:
    """Every window that overlaps the half-open time range `[begin, until)`."""
    return [] if until <= begin else span(window_of(begin), window_of(until - timedelta(microseconds=1)))


def closes_hour(windows: Iterable[str]) -> str | None:
    """The newest of `windows` that ends on a full hour, or None: training runs when one is published."""
    return max((w for w in windows if end(w).minute == 0), default=None)
