"""Selection: the best by value, spread over topics and channels, with slots kept for exploration.

The policy, and so the propensity of each slot given the slots above it: with probability `e` (the exploration knob) a
slot takes one of the videos that are left in the exploration pool, each with its weight over the sum of the weights
that are left (Plackett 1975); else the next best. So a slot of the next best has propensity 1 - e and an explored one
e * w / (sum of w left); once the pool is empty the next best has 1. The pool and its weights are those of
`serving.exploration`; it holds only videos outside the best `num`, hence no video can come by both ways. Propensities
of this kind, given the slots above, multiply to that of the page and serve sequential estimators (McInerney et al.
2020, Counterfactual evaluation of slate recommendations with sequential reward interactions, section 3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.draft import Draft, Slate
from serving.exploration import explorable, weights


@dataclass(frozen=True)
class Ranked:
    """The candidates of a draft in the order of their value.

    Attributes:
      score: [n] float32, the value after diversity.
      best: [num] candidates for the slots that do not explore, the best first.
      pool: [P] candidates that exploration may show.
      weight: [P] float64 above 0, how each is drawn.
    """

    score: NDArray[np.float32]
    best: NDArray[np.int64]
    pool: NDArray[np.int64]
    weight: NDArray[np.float64]


def select(draft: Draft) -> None:
    """Fill `slate`."""
    draft.slate = slate(rank(draft), draft.exploration, draft.rng("select"))


def rank(draft: Draft) -> Ranked:
    """Spread the scored candidates over topics and channels, and part the best from those left for exploration."""
    settings = draft.settings
    groups = ((draft.columns["channel"], settings.channel_decay), (draft.columns["topic"], settings.topic_decay))
    score = spread(draft.score, groups, settings.diversity_floor)
    order = np.argsort(-score, kind="stable")
    num = min(draft.request.num, len(order))
    best, rest = order[:num], order[num:]
    pool = rest[explorable(draft)[rest]]
    return Ranked(score, best, pool, weights(draft, pool))


def spread(
    score: NDArray[np.float32], groups: tuple[tuple[NDArray[np.generic], float], ...], floor: float
) -> NDArray[np.float32]:
    """Make each further video of a group worth less (as xai-org/x-algorithm's author diversity scorer does).

    Args:
      score: [n] worth of each candidate; may be negative.
      groups: (group of each candidate [n], decay): the k-th best of a group, counted from 0, keeps `decay ** k` of its
        lead over the worst candidate.
      floor: the least share of the lead that is kept.

    Returns:
      [n] float32; the best of each group keeps its score.
    """
    if len(score) == 0:
        return score
    share = np.ones(len(score), np.float32)
    for group, decay in groups:
        share *= np.float32(decay) ** _rank_within(score, group)
    lowest = score.min()
    return np.asarray(lowest + (score - lowest) * np.maximum(share, np.float32(floor)), np.float32)


def slate(ranked: Ranked, exploration: float, rng: np.random.Generator) -> Slate:
    """Fill the slots: `exploration` is the probability that a slot explores, `rng` the source of the draws.

    The order of an exponential draw over each weight is that of drawing one by one without putting back (Efraimidis and
    Spirakis 2006, Weighted random sampling with a reservoir).
    """
    best, pool = ranked.best, ranked.pool
    explored = rng.random(len(best)) < exploration
    before: NDArray[np.int64] = np.cumsum(explored) - explored
    explored &= before < len(pool)
    num_explored = int(explored.sum())
    order = np.argsort(rng.standard_exponential(len(pool)) / ranked.weight, kind="stable")
    index = np.empty(len(best), np.int64)
    index[explored] = pool[order[:num_explored]]
    index[~explored] = best[: len(best) - num_explored]
    # Summed from the end, so that the last video left is drawn for sure, without an error of rounding.
    weight = ranked.weight[order]
    left = np.cumsum(weight[::-1])[::-1]
    propensity = np.where(before < len(pool), 1 - exploration, 1.0)
    propensity[explored] = exploration * (weight / left)[:num_explored]
    return Slate(index, ranked.score[index], propensity.astype(np.float32), explored)


def _rank_within(score: NDArray[np.float32], group: NDArray[np.generic]) -> NDArray[np.int64]:
    """How many candidates of the same group are better, [n]."""
    _, codes = np.unique(group, return_inverse=True)
    order = np.lexsort((-score, codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    rank = np.empty(len(score), np.int64)
    rank[order] = np.arange(len(score)) - np.repeat(starts, np.diff(starts, append=len(score)))
    return rank
