"""A file of JSON lines as an Arrow column, one row per line, without copying the text."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NEWLINE = 10
_BLOCK = 1 << 20
#: Rows of one record batch: small enough that two threads share a file, large enough for vectors.
_ROWS = 61_440
LINES = pa.schema(
    [
        ("file", pa.int32()),
        ("line", pa.int64()),
        ("arrival", pa.int32()),
        ("broken", pa.bool_()),
        ("raw", pa.large_string()),
    ]
)


def read_lines(path: Path, file: int, arrival: int) -> pa.Table:
    """The lines of one file.

    Args:
      path: a file of UTF-8 text; a byte order mark at its start is not part of the first line.
      file: number that stands for the file.
      arrival: number that stands for its arrival window.

    Returns:
      A table with the columns of LINES: `line` counts from 1; `raw` keeps its line break; `broken` is true for a line
      that is not UTF-8, whose bytes that are not are replaced by U+FFFD. Lines of white space only are left out by the
      reader of the table, so that numbers stay right.
    """
    if path.stat().st_size == 0:
        return LINES.empty_table()
    data = np.memmap(path, dtype=np.uint8, mode="r")
    begin = 3 if bytes(data[:3]) == b"\xef\xbb\xbf" else 0
    ends = np.concatenate(
        [np.flatnonzero(data[i : i + _BLOCK] == _NEWLINE) + (i + 1) for i in range(0, len(data), _BLOCK)]
    )
    if not len(ends) or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    offsets = np.concatenate([[begin], ends]).astype(np.int64)
    buffer = pa.py_buffer(data)
    batches = [
        _batch(offsets[i : i + _ROWS + 1], buffer, i + 1, file, arrival) for i in range(0, len(offsets) - 1, _ROWS)
    ]
    return pa.Table.from_batches(batches, LINES)


def _batch(offsets: np.ndarray, buffer: pa.Buffer, first: int, file: int, arrival: int) -> pa.RecordBatch:
    num = len(offsets) - 1
    raw = pa.LargeStringArray.from_buffers(num, pa.py_buffer(offsets), buffer)
    broken = np.zeros(num, dtype=bool)
    broken[list(_not_utf8(raw, 0))] = True
    if broken.any():
        raw = _mended(raw, broken)
    columns = [
        pa.array(np.full(num, file, dtype=np.int32)),
        pa.array(np.arange(first, first + num, dtype=np.int64)),
        pa.array(np.full(num, arrival, dtype=np.int32)),
        pa.array(broken),
        raw,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LINES)


def _mended(lines: pa.Array, broken: np.ndarray) -> pa.Array:
    """The lines with what is not UTF-8 replaced; only broken ones are decoded here."""
    mask = pa.array(broken)
    binary = lines.view(pa.large_binary())
    texts = [binary[int(i)].as_py().decode(errors="replace") for i in np.flatnonzero(broken)]
    # A scalar for the broken rows first: a cast to string checks every row.
    whole = pc.if_else(mask, pa.scalar(b"", pa.large_binary()), binary).cast(pa.large_string())
    return pc.replace_with_mask(whole, mask, pa.array(texts, pa.large_string()))


def _not_utf8(lines: pa.Array, start: int) -> Iterator[int]:
    """Rows that are not UTF-8, found by halving: the good ones are checked many at a time."""
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        if len(lines) == 1:
            yield start
            return
        half = len(lines) // 2
        yield from _not_utf8(lines.slice(0, half), start)
        yield from _not_utf8(lines.slice(half), start + half)
