"""Bodies of the calls between the service and its index shards: arrays as they lie in memory, little-endian.

`POST /search?release=R&k=K&num=Q`: Q query vectors, float32 [Q, d]. The answer: keys int64 [n], scores float32 [n] and
how many of them belong to each query, int32 [Q]; n is the length less that of the counts, by 12.
`POST /take?release=R`: keys int64 [m]. The answer: their vectors, float32 [m, d], NaN for one that the shard does not
hold, with d in the header `x-width`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Header of an answer of `/take`.
WIDTH = "x-width"
_KEYS, _SCORES, _COUNTS = np.dtype("<i8"), np.dtype("<f4"), np.dtype("<i4")
_EACH = _KEYS.itemsize + _SCORES.itemsize
Found = tuple[NDArray[np.int64], NDArray[np.float32]]


def vectors_of(body: bytes, num: int) -> NDArray[np.float32]:
    """The vectors of a body, [num, d]. Raises ValueError when it holds no whole number of them."""
    return np.frombuffer(body, _SCORES).reshape(num, -1)


def rows_of(body: bytes, width: int) -> NDArray[np.float32]:
    """The vectors of a body, [n, width]. Raises ValueError when it holds no whole number of them."""
    return np.frombuffer(body, _SCORES).reshape(-1, width)


def keys_of(body: bytes) -> NDArray[np.int64]:
    """The keys of a body. Raises ValueError when it holds no whole number of them."""
    return np.frombuffer(body, _KEYS)


def found_body(found: Sequence[Found]) -> bytes:
    """The body of what was found for each of q queries."""
    keys = np.concatenate([keys for keys, _ in found]).astype(_KEYS, copy=False)
    scores = np.concatenate([scores for _, scores in found]).astype(_SCORES, copy=False)
    return keys.tobytes() + scores.tobytes() + np.array([len(keys) for keys, _ in found], _COUNTS).tobytes()


def found_of(body: bytes, num: int) -> list[Found]:
    """What was found for each of `num` queries. Raises ValueError when the body is none of `found_body`."""
    total, rest = divmod(len(body) - num * _COUNTS.itemsize, _EACH)
    if total < 0 or rest:
        raise ValueError(f"{len(body)} bytes are no answer to {num} queries")
    keys = np.frombuffer(body, _KEYS, total)
    scores = np.frombuffer(body, _SCORES, total, total * _KEYS.itemsize)
    ends = np.cumsum(np.frombuffer(body, _COUNTS, num, total * _EACH))
    if num and ends[-1] != total:
        raise ValueError(f"the answer counts {ends[-1]} videos and holds {total}")
    starts = [0, *ends[:-1].tolist()]
    return [(keys[first:last], scores[first:last]) for first, last in zip(starts, ends.tolist(), strict=True)]
