"""Arrays read a little at a time, so that whoever waits for Python's lock gets it in between."""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.index import Rest

#: What is read at once, in a fraction of a millisecond.
_BYTES = 1 << 20


def read_array(file: BinaryIO, rest: Rest | None = None) -> NDArray[Any]:
    """The next array that `np.save` wrote to an open file; `rest` is called after each part of it.

    Raises:
      ValueError: no whole array is there, or one of objects.
    """
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array of another version of the format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.hasobject:
        raise ValueError(f"an array of {dtype} that does not lie as it is read")
    array = np.empty(shape, dtype)
    left = array.reshape(-1).view(np.uint8).data
    while left:
        size = file.readinto(left[:_BYTES])  # type: ignore[attr-defined]
        if not size:
            raise ValueError(f"{len(left)} bytes of an array are missing")
        left = left[size:]
        if rest is not None:
            rest()
    return array
