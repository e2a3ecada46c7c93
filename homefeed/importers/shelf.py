"""Writing imported events into the event log, each in the arrival window that its time belongs to."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from homefeed import windows
from homefeed.importers.errors import ImportLogError


@dataclass
class Shelf:
    """Files of one import; all of them appear, or none.

    Attributes:
      path: folder of the event log.
      written: finished drafts by the name that they get.
    """

    path: Path
    written: dict[Path, Path] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)

    def put(self, name: str, events: pa.Table, arrival: pa.ChunkedArray | None = None) -> None:
        """Add Parquet files of a table of events, one per window of `arrival`, or of their `time` without it."""
        for window, rows in _by_window(events, events.column("time") if arrival is None else arrival):
            self._draft(window, f"{name}.parquet", partial(pq.write_table, rows))

    def put_lines(self, name: str, lines: pa.Table) -> None:
        """Add files of JSON lines from a table with `time` and `raw`, one per window."""
        for window, rows in _by_window(lines, lines.column("time")):
            texts = rows.column("raw").to_pylist()
            # A last line without a line break would run into the next one.
            data = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in texts)
            self._draft(window, f"{name}.jsonl", partial(_write, data))

    def publish(self) -> list[str]:
        """Give every draft its name; returns the windows in order."""
        for target, draft in self.written.items():
            draft.replace(target)
        self.written = {}
        return sorted(self.windows)

    def discard(self) -> None:
        """Remove the drafts that have no name yet."""
        for draft in self.written.values():
            draft.unlink(missing_ok=True)

    def _draft(self, window: str, name: str, write: Callable[[Path], object]) -> None:
        target = self.path / window / name
        draft = target.with_name(f"{name}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.written[target] = draft
            write(draft)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise ImportLogError(
                f"{target} cannot be written: {error}. Nothing was imported; free the disk or set HOMEFEED_VAR"
            ) from error
        self.windows.add(window)


def _by_window(rows: pa.Table, times: pa.ChunkedArray) -> list[tuple[str, pa.Table]]:
    """(window, its rows) in order of windows; rows keep their order."""
    if not rows.num_rows:
        return []
    number = times.cast(pa.int64()).to_numpy() // (windows.WINDOW_S * 1_000_000)
    order = np.argsort(number, kind="stable")
    ordered, number = rows.take(pa.array(order)), number[order]
    starts = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]]))
    ends = np.append(starts[1:], len(number))
    return [
        (_name(int(number[a])), ordered.slice(a, b - a)) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _name(number: int) -> str:
    return windows.window_of(datetime.fromtimestamp(number * windows.WINDOW_S, UTC))


def _write(data: bytes, draft: Path) -> None:
    draft.write_bytes(data)
