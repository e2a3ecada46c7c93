"""What a viewer watched, as matrices: one row per viewer, the newest watches, padded on the left with zeros."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids


def padded(lists: pa.ChunkedArray | pa.Array, length: int, dtype: type[np.generic]) -> NDArray[Any]:
    """The newest `length` elements of each list.

    Args:
      lists: [n] lists, oldest element first; null is an empty list.
      length: columns of the result.
      dtype: numpy type of the result.

    Returns:
      [n, length], newest last, zeros on the left where a list is shorter.
    """
    array = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    sizes = np.asarray(array.value_lengths().fill_null(0), np.int64)
    values = array.flatten().to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    ends = np.cumsum(sizes)
    # Column j of a row holds the element that is (length - j) before the end of its list.
    back = np.arange(length, 0, -1)
    index = ends[:, None] - back[None, :]
    kept = back[None, :] <= sizes[:, None]
    matrix = np.zeros((len(array), length), dtype)
    matrix[kept] = values[index[kept]]
    return matrix


@functools.cache
def string_key(text: str) -> int:
    """The key of a topic, language, country or device; the empty string is 0, which means unknown."""
    return ids.key(text) if text else 0


def string_keys(texts: Sequence[str | None] | NDArray[Any] | pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Keys of a column of short strings with few distinct values, [n] -> [n] int64; null and empty are 0."""
    column = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.dictionary_encode()
    table = np.array([*(string_key(t) for t in coded.dictionary.to_pylist()), 0], np.int64)
    codes = coded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(table[codes.astype(np.int64)], np.int64)


def microseconds(times: Any) -> NDArray[np.int64]:
    """Times as microseconds since 1970 UTC: an Arrow timestamp column, a numpy datetime64 array, or integers as they
    are."""
    if isinstance(times, pa.Array | pa.ChunkedArray):
        return np.asarray(
            times.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64
        )
    array = np.asarray(times)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]")
    return array.astype(np.int64)
