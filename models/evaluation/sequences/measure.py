"""How many of the wanted items a recommender finds, per user."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.evaluation.interval import viewer_bootstrap
from models.evaluation.sequences.candidates import MISSED, Candidates
from models.evaluation.sequences.errors import EvaluationError
from models.evaluation.sequences.queries import Queries
from models.evaluation.sequences.recommender import Recommender

#: Scores, what is drawn beside them and their order, of one block of queries.
_BLOCK_BYTES = 256 << 20
_BYTES_PER_SCORE = 24


@dataclass(frozen=True)
class Measured:
    """What was found for each of q users.

    Attributes:
      users: [q] code of the user.
      shares: [q] share of the wanted items in the first k; with one wanted item it is a hit or none.
      ndcg: [q] discounted gain of the first k over the best that was possible.
    """

    users: NDArray[np.int64]
    shares: NDArray[np.float64]
    ndcg: NDArray[np.float64]

    def metrics(self, share: str, k: int) -> dict[str, float]:
        """Means over users, such as `hr_at_10` and `ndcg_at_10`."""
        return {f"{share}_at_{k}": float(self.shares.mean()), f"ndcg_at_{k}": float(self.ndcg.mean())}

    def intervals(self, share: str, k: int, seed: int) -> dict[str, list[float]]:
        """The 95 % bounds of each metric, low and high, by the bootstrap over users; NaN with fewer than two users."""
        ones = np.ones(len(self.users))
        found = {}
        for name, values in ((f"{share}_at_{k}", self.shares), (f"ndcg_at_{k}", self.ndcg)):
            interval = viewer_bootstrap(self.users, values, ones, seed=seed)
            found[name] = [interval.low, interval.high]
        return found


def measure(recommender: Recommender, queries: Queries, num_items: int, candidates: Candidates, k: int) -> Measured:
    """Measure a recommender as it is now.

    A wanted item that the training log does not have, or whose user has no history, is missed.

    Args:
      recommender: scores the `num_items` of the training log.
      queries: at least one.
      num_items: number of items of the training log.
      candidates: what wanted items are ranked against.
      k: length of the list.

    Raises:
      EvaluationError: the scores have the wrong shape, or are not finite numbers.
    """
    size, ranks = _block_size(queries, num_items), np.full(len(queries.rows), MISSED)
    for first in range(0, len(queries), size):
        block = queries.block(first, min(first + size, len(queries)))
        scores = _scores(recommender, block, num_items)
        is_ranked = (block.wanted >= 0) & (block.end > block.begin)[block.rows]
        ranked = replace(block, rows=block.rows[is_ranked], wanted=block.wanted[is_ranked])
        offset = np.searchsorted(queries.rows, first)
        ranks[offset + np.flatnonzero(is_ranked)] = candidates.ranks(scores, ranked, first)
    return gains(queries, ranks, k)


def gains(queries: Queries, ranks: NDArray[np.int64], k: int) -> Measured:
    """Recall and NDCG within `k` of each query from the ranks [p] of its wanted items, 0 first.

    Recall is over all wanted items, also when there are more than `k`. The best possible gain has them first.

    Source: Järvelin and Kekäläinen 2002, as used by Wang et al. 2019, "Neural graph collaborative filtering".
    """
    num = len(queries)
    discount = 1 / np.log2(2 + np.arange(k))
    inside = ranks < k
    row, rank = queries.rows[inside], ranks[inside]
    num_wanted = np.bincount(queries.rows, minlength=num)
    best = np.cumsum(discount)[np.minimum(num_wanted, k) - 1]
    shares = np.bincount(row, minlength=num) / num_wanted
    # Wanted items that tie have the same rank, so their gain never exceeds the best.
    return Measured(queries.users, shares, np.bincount(row, discount[rank], num) / best)


def _scores(recommender: Recommender, block: Queries, num_items: int) -> NDArray[np.float32]:
    """A copy of the scores of one block, [q, num_items]."""
    scores = np.array(recommender.scores(block.histories()), np.float32)
    if scores.shape != (len(block), num_items):
        raise EvaluationError(
            f"{recommender.name} scored {scores.shape} where {(len(block), num_items)} are needed: one row per user, "
            "one column per item of the training log"
        )
    finite = np.isfinite(scores)
    if not finite.all():
        row, item = (int(i[0]) for i in np.nonzero(~finite))
        raise EvaluationError(
            f"{recommender.name} scored item {item} for user {block.users[row]} as {scores[row, item]}: a score must "
            "be a finite number. The training has probably diverged: lower HOMEFEED_RETRIEVAL__LEARNING_RATE"
        )
    return scores


def _block_size(queries: Queries, num_items: int) -> int:
    longest = int((queries.end - queries.begin).max(initial=1))
    return int(np.clip(_BLOCK_BYTES // (num_items * _BYTES_PER_SCORE + longest * 16), 1, 1024))
