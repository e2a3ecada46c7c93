"""Vectors by key: those of the training, mapped into memory, and those that came later."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.membership import places


@dataclass(frozen=True)
class Vectors:
    """Immutable; a change makes another, which shares the large part.

    Attributes:
      keys: [n] ascending.
      place: [n] row in `base`, or len(base) + row in `added`.
      base: [v, d], may be mapped into memory.
      added: [a, d].
    """

    keys: NDArray[np.int64]
    place: NDArray[np.int64]
    base: NDArray[np.float32]
    added: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.keys)

    @staticmethod
    def of(keys: NDArray[np.int64], base: NDArray[np.float32], rows: NDArray[np.int64]) -> "Vectors":
        """The videos `keys` [n], whose vectors are the `rows` [n] of `base`."""
        order = np.argsort(keys, kind="stable")
        return Vectors(keys[order], rows[order], base, np.zeros((0, base.shape[1]), np.float32))

    def place_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position in `keys` of each of `keys`, [m] -> [m]; -1 for one that it does not hold."""
        return places(self.keys, keys)

    def take(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of `keys` [m], [m, d]; NaN for one that it does not hold."""
        found = self.place_of(keys)
        result = np.full((len(keys), self.base.shape[1]), np.nan, np.float32)
        if len(self.keys):
            place = self.place[found]
            is_base, is_added = (found >= 0) & (place < len(self.base)), (found >= 0) & (place >= len(self.base))
            result[is_base] = self.base[place[is_base]]
            result[is_added] = self.added[place[is_added] - len(self.base)]
        return result

    def changed(self, gone: NDArray[np.int64], keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> "Vectors":
        """Without the videos `gone` and with the new ones `keys` [n], `vectors` [n, d]."""
        kept = np.ones(len(self.keys), bool)
        lost = self.place_of(gone)
        kept[lost[lost >= 0]] = False
        place = self.place[kept]
        is_added = place >= len(self.base)
        # What left is left behind, so that `added` holds no more than what is in use.
        added = np.concatenate([self.added[place[is_added] - len(self.base)], vectors])
        place[is_added] = len(self.base) + np.arange(int(is_added.sum()))
        new = len(self.base) + len(added) - len(vectors) + np.arange(len(vectors))
        every = np.concatenate([self.keys[kept], keys])
        order = np.argsort(every, kind="stable")
        return Vectors(every[order], np.concatenate([place, new])[order], self.base, added)


def without(keys: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of `keys` [n] that are not among `others` [m], in order; both ascending."""
    return keys[places(others, keys) < 0]
