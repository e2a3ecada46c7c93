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


class Coded:
    """A column of strings of which few are different, such as languages: codes, and what they stand for.

    As an array of a million strings it would keep Python's lock while it is made, and every page with it.

    Args:
      column: [n] strings; none is an empty one.

    Attributes:
      codes: [n] int32.
      distinct: [c] the string of each code, as an object array.
    """

    def __init__(self, column: pa.Array | pa.ChunkedArray) -> None:
        encoded = pc.fill_null(column if isinstance(column, pa.Array) else _whole(column), "").dictionary_encode()
        self.codes: NDArray[np.int32] = encoded.indices.to_numpy(zero_copy_only=False)
        self.distinct: NDArray[Any] = np.array(encoded.dictionary.to_pylist(), object)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Rows | slice) -> NDArray[Any]:
        """The strings of `rows`, as an object array in which equal strings are one object."""
        return np.asarray(self.distinct[self.codes[rows]])


class TextLists:
    """A column of short lists of few different strings, such as topics.

    Args:
      column: [n] lists of strings; none is an empty one.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = _whole(column)
        lengths = np.asarray(lists.value_lengths().fill_null(0), np.int64)
        self._ends = np.concatenate([[0], np.cumsum(lengths)])
        self._strings = Coded(lists.flatten())

    def at(self, rows: Rows) -> list[list[str]]:
        """The lists of `rows`."""
        starts, lengths = self._ends[rows], self._ends[rows + 1] - self._ends[rows]
        ends = np.cumsum(lengths)
        # All at once: a look-up for each list costs more than its strings.
        strings = self._strings[np.repeat(starts - ends + lengths, lengths) + np.arange(lengths.sum())].tolist()
        return [strings[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array; one that is, as it is: to combine even a single chunk is a copy."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
