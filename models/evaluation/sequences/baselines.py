"""The baselines that stand next to every model: most popular, and nearest neighbours of items."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.evaluation.sequences.log import SequenceLog
from models.evaluation.sequences.recommender import Histories

#: Pairs of interactions of one user that one block of the co-occurrence matrix counts.
_BLOCK_PAIRS = 20_000_000


class MostPopular:
    """The same list for everyone: training interactions of each item."""

    name = "most_popular"

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.float32)

    def fit(
        self, train: SequenceLog, validate: Callable[[], float] | None, *, seed: int, deadline: float | None
    ) -> bool:
        """As `Recommender.fit`; there is nothing to choose."""
        self._counts = np.bincount(train.items, minlength=train.num_items).astype(np.float32)
        return False

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
    ) -> bool:
        """As `Recommender.fit`. After `deadline` the rest of the grid is not tried."""
        best, nearest, is_late = -np.inf, self._nearest, False
        for shrink in self.SHRINKS if validate else self.SHRINKS[:1]:
            is_late = np.isfinite(best) and deadline is not None and time.monotonic() > deadline
            if is_late:
                break
            table = neighbours(train, max(self.SIZES), shrink)
            for k in self.SIZES if validate else self.SIZES[:1]:
                self._nearest = table.nearest(k)
                value = validate() if validate else 0.0
                if value > best:
                    best, nearest, self.chosen = value, self._nearest, (k, shrink)
        self._nearest = nearest
        return is_late

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


@dataclass(frozen=True)
class Neighbours:
    """The nearest items of each item, p pairs in order of item, the nearest first.

    Attributes:
      items, others: [p] code of the item and of its neighbour.
      similarities: [p] above 0.
      places: [p] 0 for the nearest neighbour of the item.
      num_items: number of codes.
    """

    items: NDArray[np.int32]
    others: NDArray[np.int32]
    similarities: NDArray[np.float32]
    places: NDArray[np.int32]
    num_items: int

    def nearest(self, k: int) -> sparse.csr_array:
        """[num_items, num_items]: row i has the similarities of the `k` nearest items of item i."""
        kept = self.places < k
        pairs = (self.items[kept], self.others[kept])
        return sparse.csr_array((self.similarities[kept], pairs), shape=(self.num_items, self.num_items))


def neighbours(train: SequenceLog, most: int, shrink: int) -> Neighbours:
    """Up to `most` nearest items of each; items that no user has both of are no neighbours."""
    num = train.num_items
    seen = _ones(train.users, train.items, (train.num_users, num))
    by_item = seen.T.tocsr()
    length = np.sqrt(np.asarray(by_item.sum(axis=1), np.float32))
    # Pairs that come together in one item's users bound the pairs of its row.
    cost = np.cumsum(by_item @ np.diff(seen.indptr))
    first, found = 0, []
    while first < num:
        limit = (cost[first - 1] if first else 0) + _BLOCK_PAIRS
        last = max(first + 1, int(np.searchsorted(cost, limit, side="right")))
        together = (by_item[first:last] @ seen).tocoo()
        row, other = together.coords
        similarity = together.data / (length[first + row] * length[other] + np.float32(shrink))
        order = np.lexsort((other, -similarity, row))
        order = order[(row != other - first)[order]]
        row, other, similarity = row[order], other[order], similarity[order]
        place = np.arange(len(row)) - np.searchsorted(row, row)
        kept = place < most
        columns = (row[kept] + first, other[kept], similarity[kept], place[kept])
        found.append(columns)
        first = last
    items, others, similarities, places = (np.concatenate(column) for column in zip(*found, strict=True))
    return Neighbours(items.astype(np.int32), others.astype(np.int32), similarities, places.astype(np.int32), num)
