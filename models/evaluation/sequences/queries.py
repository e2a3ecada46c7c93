"""Queries of an evaluation: users with what they did before and the items that should be found for them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sequences.recommender import Histories


@dataclass(frozen=True)
class Queries:
    """q queries, one per user, and p items that are wanted for them. Items are codes of the training log.

    Attributes:
      users: [q] code of the user.
      items: [m] what users did, each user's interactions in order of time; shared by all queries.
      begin, end: [q] a query's history is items[begin:end].
      seen_end: [q] items[begin:seen_end] are those that the protocol says the user has seen.
      rows: [p] query of each wanted item, never decreasing; every query has at least one.
      wanted: [p] the item; -1 is one that the training log does not have.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    seen_end: NDArray[np.int64]
    rows: NDArray[np.int64]
    wanted: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.users)

    def block(self, first: int, last: int) -> "Queries":
        """Queries first to last - 1."""
        cut, (a, b) = slice(first, last), np.searchsorted(self.rows, (first, last))
        return Queries(
            self.users[cut],
            self.items,
            self.begin[cut],
            self.end[cut],
            self.seen_end[cut],
            self.rows[a:b] - first,
            self.wanted[a:b],
        )

    def take(self, kept: NDArray[np.int64]) -> "Queries":
        """The queries at the positions `kept`, which never decrease."""
        place = np.full(len(self), -1)
        place[kept] = np.arange(len(kept))
        rows = place[self.rows]
        inside = rows >= 0
        own = (self.begin[kept], self.end[kept], self.seen_end[kept])
        return Queries(self.users[kept], self.items, *own, rows[inside], self.wanted[inside])

    def histories(self) -> Histories:
        """What each user did, padded on the left."""
        sizes = self.end - self.begin
        length = max(1, int(sizes.max(initial=0)))
        # Column j of a row holds the item that is (length - j) before the end of its history.
        back = np.arange(length, 0, -1)
        kept = back[None, :] <= sizes[:, None]
        matrix = np.full((len(self), length), -1, np.int64)
        matrix[kept] = self.items[(self.end[:, None] - back[None, :])[kept]]
        return Histories(matrix, self.users)

    def seen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(query, item) of every interaction that the protocol says the user has seen, two arrays of one length."""
        sizes = self.seen_end - self.begin
        row = np.repeat(np.arange(len(self)), sizes)
        within = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return row, self.items[self.begin[row] + within]
