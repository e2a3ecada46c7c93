"""Exact search, and how much of it an index finds."""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: Index recall is measured in lists of this length.
RECALL_AT = 1000
#: Vectors scored at a time: their scores of a few hundred queries stay below half a GiB.
_BLOCK = 131_072


class Searches(Protocol):
    """Whatever finds the videos nearest to a query."""

    def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """query [d] -> keys [k], scores [k], best first."""


def exact_rows(vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Rows of the `k` largest dot products of each query, in no order: vectors [v, d], queries [q, d] -> [q, k], or
    [q, v] when there are fewer.

    `vectors` may be mapped into memory: they are read block by block.
    """
    best = np.zeros((len(queries), 0), np.float32)
    rows = np.zeros((len(queries), 0), np.int64)
    for first in range(0, len(vectors), _BLOCK):
        block = queries @ np.asarray(vectors[first : first + _BLOCK]).T
        here = _largest(block, k)
        best = np.concatenate([best, np.take_along_axis(block, here, axis=1)], axis=1)
        rows = np.concatenate([rows, here + first], axis=1)
        kept = _largest(best, k)
        best, rows = np.take_along_axis(best, kept, axis=1), np.take_along_axis(rows, kept, axis=1)
    return rows


def index_recall(
    index: Searches, videos: NDArray[np.int64], vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> float:
    """Share of exact search's list of `RECALL_AT` that the index finds.

    Args:
      index: what is measured.
      videos: [v] keys.
      vectors: [v, d].
      queries: [q, d].

    Returns:
      Mean over the queries; NaN without queries or videos.
    """
    k = min(RECALL_AT, len(vectors))
    if not len(queries) or not k:
        return math.nan
    exact = videos[exact_rows(vectors, queries, k)]
    found = [index.search(query, k)[0] for query in queries]
    shares = [len(np.intersect1d(keys, wanted)) / k for keys, wanted in zip(found, exact, strict=True)]
    return float(np.mean(shares))


def _largest(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Columns of the `k` largest of each row, in no order; all of them when there are no more."""
    if scores.shape[1] <= k:
        return np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    return np.argpartition(-scores, k - 1, axis=1)[:, :k]
