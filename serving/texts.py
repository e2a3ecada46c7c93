"""Strings of the catalogue, read for the hundred videos of a page.

Not by Arrow, which is made for columns: what it does before the first string of a page costs more than the strings.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Texts:
    """A column of strings that are mostly different, such as titles; they stay where Arrow has them.

    Args:
      column: [n] strings; none is an empty one.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        # Of one length of numbers, however many bytes there are.
        strings = _whole(pc.fill_null(column, "").cast(pa.large_string()))
        _, ends, held = strings.buffers()
        self._ends = np.frombuffer(ends, np.int64)[strings.offset :]
        self._held = memoryview(held or b"")

    def at(self, rows: Rows) -> list[str]:
        """The strings of `rows`."""
        held, starts, ends = self._held, self._ends[rows].tolist(), self._ends[rows + 1].tolist()
        return [str(held[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]


class TextLists:
    """A column of short lists of few different strings, such as topics.

    Args:
      column: [n] lists of strings; none is an empty one.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = _whole(column)
        lengths = np.asarray(lists.value_lengths().fill_null(0), np.int64)
        self._ends = np.concatenate([[0], np.cumsum(lengths)])
        self._strings = decoded(lists.flatten())

    def at(self, rows: Rows) -> list[list[str]]:
        """The lists of `rows`."""
        strings, starts, ends = self._strings, self._ends[rows].tolist(), self._ends[rows + 1].tolist()
        return [strings[start:end].tolist() for start, end in zip(starts, ends, strict=True)]


def decoded(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """[n] strings as an object array in which equal strings are one object; none is an empty one."""
    encoded = pc.fill_null(column if isinstance(column, pa.Array) else _whole(column), "").dictionary_encode()
    distinct: NDArray[Any] = np.array(encoded.dictionary.to_pylist(), object)
    return np.asarray(distinct[encoded.indices.to_numpy(zero_copy_only=False)])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array; one that is, as it is: to combine even a single chunk is a copy."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
