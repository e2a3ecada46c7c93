"""Videos like those that a viewer watched."""

import numpy as np
from numpy.typing import NDArray

from models.index.shards import Searchable


def similar(index: Searchable, videos: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The `k` videos most like each of the given ones, which is itself left out: keys [m] -> keys [n], and for each
    the place in `videos` [n] of the one that it is like; place by place, the most alike first.

    The bias, last in a vector, is left out, so that the answer is alike rather than popular. Nothing is like a video
    that the index does not know.
    """
    if not len(videos):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    vectors = index.take(videos)
    known = np.flatnonzero(np.isfinite(vectors[:, 0]))
    directions = vectors[known]
    directions[:, -1] = 0
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), np.float32(1e-6))
    found = index.search_each(directions, k + 1)
    others = [keys[keys != own][:k] for (keys, _), own in zip(found, videos[known], strict=True)]
    return np.concatenate([videos[:0], *others]), np.repeat(known, [len(keys) for keys in others])
