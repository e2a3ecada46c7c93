"""What a wanted item is ranked against, and its rank there. Ties count against the model: a rank is the number of
candidates that score strictly higher plus the number of other candidates with the same score."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sequences.queries import Queries

#: Rank of a wanted item that is no candidate: outside of any list.
MISSED = 1 << 40


class Candidates(Protocol):
    """Ranks the wanted items of a block of queries among their candidates."""

    def ranks(self, scores: NDArray[np.float32], queries: Queries, first: int) -> NDArray[np.int64]:
        """Ranks [p], 0 first, of the wanted items, all of which the training log has.

        Args:
          scores: [q, n] of every item; changed here.
          queries: the block.
          first: position of the block's first query among all.
        """
        ...


@dataclass(frozen=True)
class AllUnseen:
    """Every item of the training log that the user has not seen. A wanted item that was seen is missed.

    Attributes:
      k: a rank of at least `k` may be reported as `k`: only the best k + 1 scores are looked at.
    """

    k: int

    def ranks(self, scores: NDArray[np.float32], queries: Queries, first: int) -> NDArray[np.int64]:
        """As `Candidates.ranks`."""
        scores[queries.seen()] = -np.inf
        score = scores[queries.rows, queries.wanted]
        best = min(self.k + 1, scores.shape[1])
        # A partition would do, but numpy's takes twenty times as long as its sort where most scores tie.
        scores.sort(axis=1)
        # The wanted item is one of those that score at least what it scores.
        above = (scores[:, -best:][queries.rows] >= score[:, None]).sum(axis=1) - 1
        return np.where(np.isneginf(score), MISSED, above)


@dataclass(frozen=True)
class Sampled:
    """The one wanted item and `num` different items, drawn uniformly from those that the user has not seen.

    A user who has not seen fewer than `num` others gets all of these. The same seed draws the same items for every
    recommender.

    Source: the evaluation of Kang and McAuley 2018, "Self-attentive sequential recommendation", which draws with
    replacement; here an item is drawn once, and never the wanted one.
    """

    num: int
    seed: int

    def ranks(self, scores: NDArray[np.float32], queries: Queries, first: int) -> NDArray[np.int64]:
        """As `Candidates.ranks`."""
        keys = np.random.default_rng([self.seed, first]).random(scores.shape, np.float32)
        keys[queries.seen()] = 2
        keys[queries.rows, queries.wanted] = 2
        num = min(self.num, scores.shape[1])
        drawn = np.argpartition(keys, num - 1, axis=1)[:, :num]
        candidates = np.where(np.take_along_axis(keys, drawn, 1) < 1, drawn, -1)
        return _ranks_in_list(scores, queries, candidates)


@dataclass(frozen=True)
class Given:
    """The one wanted item and the negatives that came with the data, without those that are the wanted item.

    Attributes:
      negatives: [number of all queries, c] codes; -1 is none.
    """

    negatives: NDArray[np.int64]

    def ranks(self, scores: NDArray[np.float32], queries: Queries, first: int) -> NDArray[np.int64]:
        """As `Candidates.ranks`."""
        return _ranks_in_list(scores, queries, self.negatives[first : first + len(queries)])


def _ranks_in_list(scores: NDArray[np.float32], queries: Queries, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ranks [p] among the candidates [q, c] of each query; -1 is none."""
    score = scores[queries.rows, queries.wanted]
    lists = candidates[queries.rows]
    others = (lists >= 0) & (lists != queries.wanted[:, None])
    return np.asarray((others & (scores[queries.rows[:, None], lists] >= score[:, None])).sum(axis=1), np.int64)
