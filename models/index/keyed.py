"""A searcher whose rows have keys. Nothing here locks: `LiveIndex` does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.index.searcher import Searcher


@dataclass(frozen=True)
class Deletion:
    """Rows to delete in this order, and the row whose key each of them takes over.

    Attributes:
      rows: [m].
      moved: [m]; the row itself where it is the last one at its turn.
    """

    rows: NDArray[np.int64]
    moved: NDArray[np.int64]


class Keyed:
    """Rows of `searcher` and the key of each."""

    def __init__(self, searcher: Searcher, keys: NDArray[np.int64]) -> None:
        self.searcher = searcher
        self._keys, self._num = keys.copy(), len(keys)

    def __len__(self) -> int:
        return self._num

    @property
    def keys(self) -> NDArray[np.int64]:
        """[n] in order of the rows."""
        return self._keys[: self._num]

    def search(self, queries: NDArray[np.float32], k: int) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The `k` nearest of each query: [q, d] -> q times keys [k], scores [k], best first."""
        return [(self._keys[rows], scores) for rows, scores in self.searcher.search(queries, k)]

    def reserve(self, num: int) -> None:
        """Make room for the keys of `num` more rows, so that inserting them copies nothing."""
        if self._num + num > len(self._keys):
            grown = np.empty(self._num + num, np.int64)
            grown[: self._num] = self.keys
            self._keys = grown

    def insert(self, keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Append videos that it does not hold: [n], [n, d]."""
        self.reserve(len(keys))
        self.searcher.insert(vectors)
        self._keys[self._num : self._num + len(keys)] = keys
        self._num += len(keys)

    def deletion(self, keys: NDArray[np.int64]) -> Deletion:
        """How to delete those of `keys` that it holds.

        ScaNN fills the place of a deleted row with the last one. Going through the last rows from the end, one that is
        to go is deleted where it is, and one that is to stay fills the next hole: so no row moves twice.
        """
        is_gone = np.isin(self.keys, keys)
        gone = np.flatnonzero(is_gone)
        tail = np.arange(self._num - 1, self._num - 1 - len(gone), -1)
        stays = ~is_gone[tail]
        rows = tail.copy()
        rows[stays] = gone[: int(stays.sum())]
        return Deletion(rows, tail)

    def delete(self, deletion: Deletion, first: int, until: int) -> None:
        """Carry out the part [first, until) of a deletion, the parts in order."""
        rows, moved = deletion.rows[first:until], deletion.moved[first:until]
        self.searcher.delete(rows)
        self._keys[rows] = self._keys[moved]
        self._num -= len(rows)
