"""The baselines that stand next to every model: most popular, and nearest neighbours of items."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.evaluation.sequences.log import SequenceLog
from models.evaluation.sequences.recommender import Histories

#: Cells of one dense block of the co-occurrence matrix.
_BLOCK_CELLS = 16_000_000


class MostPopular:
    """The same list for everyone: training interactions of each item."""

    name = "most_popular"

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.float32)

    def fit(
        self, train: SequenceLog, validate: Callable[[], float] | None, *, seed: int, deadline: float | None
    ) -> None:
        """As `Recommender.fit`; there is nothing to choose."""
        self._counts = np.bincount(train.items, minlength=train.num_items).astype(np.float32)

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """As `Recommender.scores`; the rows are one read-only array."""
        return np.broadcast_to(self._counts, (len(histories), len(self._counts)))


class ItemKnn:
    """Nearest neighbours of items: the sum of the similarities to the items in the history.

    The similarity of two items is users who have both / (sqrt(users of one x users of the other) + shrink); each item
    keeps its `k` nearest. (k, shrink) is the pair of SHRINKS x SIZES that is best on validation; the first pair where
    there is no validation.

    Source: Deshpande and Karypis 2004, "Item-based top-N recommendation algorithms"; the shrinkage as in Ferrari
    Dacrema et al. 2019, "Are we really making much progress?".
    """

    name = "item_knn"
    SHRINKS = (0, 10)
    SIZES = (5, 20, 100, 500)

    def __init__(self) -> None:
        self.chosen = (self.SIZES[0], self.SHRINKS[0])
        self._nearest = sparse.csr_array((0, 0), dtype=np.float32)

    def fit(
        self, train: SequenceLog, validate: Callable[[], float] | None, *, seed: int, deadline: float | None
    ) -> None:
        """As `Recommender.fit`. After `deadline` the rest of the grid is not tried."""
        best, nearest = -np.inf, self._nearest
        for shrink in self.SHRINKS:
            if np.isfinite(best) and (validate is None or (deadline is not None and time.monotonic() > deadline)):
                break
            table = _neighbours(train, min(max(self.SIZES), train.num_items), shrink)
            for k in self.SIZES if validate else self.SIZES[:1]:
                self._nearest = _matrix(*table, k)
                value = validate() if validate else 0.0
                if value > best:
                    best, nearest, self.chosen = value, self._nearest, (k, shrink)
        self._nearest = nearest

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """As `Recommender.scores`."""
        row, column = np.nonzero(histories.items >= 0)
        shape = (len(histories), self._nearest.shape[0])
        history = _ones(row, histories.items[row, column], shape)
        return np.asarray((history @ self._nearest).toarray(), np.float32)


def _ones(row: NDArray[np.int64], column: NDArray[np.int64], shape: tuple[int, int]) -> sparse.csr_array:
    """A matrix with 1 at each place: an item counts once, however often somebody had it."""
    matrix = sparse.csr_array((np.ones(len(row), np.float32), (row, column)), shape=shape)
    matrix.data[:] = 1
    return matrix


def _neighbours(train: SequenceLog, most: int, shrink: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The `most` nearest items of each, nearest first: [num_items, most] codes and similarities, 0 for none."""
    num = train.num_items
    seen = _ones(train.users, train.items, (train.num_users, num))
    by_item = seen.T.tocsr()
    length = np.sqrt(np.asarray(by_item.sum(axis=1), np.float32))
    codes, values = np.zeros((num, most), np.int32), np.zeros((num, most), np.float32)
    size = max(1, _BLOCK_CELLS // num)
    for first in range(0, num, size):
        block = slice(first, min(first + size, num))
        similarity = (by_item[block] @ seen).toarray() / (length[block, None] * length[None, :] + shrink)
        here = np.arange(block.stop - first)
        similarity[here, first + here] = 0
        nearest = np.argpartition(-similarity, most - 1, axis=1)[:, :most]
        value = np.take_along_axis(similarity, nearest, 1)
        order = np.argsort(-value, axis=1, kind="stable")
        codes[block], values[block] = np.take_along_axis(nearest, order, 1), np.take_along_axis(value, order, 1)
    return codes, values


def _matrix(codes: NDArray[np.int32], values: NDArray[np.float32], k: int) -> sparse.csr_array:
    """[num_items, num_items]: row i has the similarities of the `k` nearest items of item i."""
    num, width = len(codes), min(k, codes.shape[1])
    kept = values[:, :width] > 0
    row = np.repeat(np.arange(num), width).reshape(num, width)[kept]
    return sparse.csr_array((values[:, :width][kept], (row, codes[:, :width][kept])), shape=(num, num))
