"""Selection: the best by value, spread over topics and channels, with slots kept for exploration.

The policy: with its own probability `e`, the exploration knob in the mean over the page, a slot takes one of the videos
of the exploration pool that the slots above have not shown, each with its weight over the sum of the weights that are
left (Plackett 1975); else, and when nothing is left, the next best by value and by what the knob adds for a new topic.
So, given the slots above, a video has the propensity

    (1 - e, or 1 when the pool is empty, if it is the next best) + (e * w / sum of w left, if it is in the pool)

The pool and its weights are those of `serving.exploration`; it begins below the best `explored_below`, which viewers
see anyway. Propensities of this kind multiply to that of the page and serve sequential estimators (McInerney et al.
2020, Counterfactual evaluation of slate recommendations with sequential reward interactions, section 3).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.compiled import Ints, IntsOut, compiled
from models.interleaving import draft as fill
from models.membership import positions
from serving.draft import Draft, Ranked, Slate
from serving.exploration import discovery, explorable, has_new_topic, slot_chances, weights


def select(draft: Draft) -> None:
    """Fill `ranked` and `slate`."""
    draft.ranked = rank(draft)
    chances = slot_chances(draft.exploration, len(draft.ranked.best), draft.settings)
    draft.slate = slate(draft.ranked, chances, draft.rng("select"))


def rank(draft: Draft) -> Ranked:
    """Spread the scored candidates over topics and channels; the best, and what exploration may show of the others."""
    settings = draft.settings
    groups = ((draft.columns["channel"], settings.channel_decay), (draft.columns["topic_code"], settings.topic_decay))
    has_new = has_new_topic(draft)
    worth = draft.score
    if "watched" in draft.heads:
        worth = worth + discovery(draft, has_new, draft.heads["watched"])
    score = spread(worth, groups, settings.diversity_floor)
    order = np.argsort(-score, kind="stable")
    num = min(draft.request.num, len(order))
    below = order[min(num, settings.explored_below) :]
    pool = below[explorable(draft, has_new)[below]]
    return Ranked(score, order[:num], pool, weights(draft, pool, has_new))


def spread(
    score: NDArray[np.float32], groups: tuple[tuple[NDArray[np.int64], float], ...], floor: float
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
    share, best_first = np.ones(len(score), np.float32), np.argsort(-score, kind="stable")
    for group, decay in groups:
        share *= np.float32(decay) ** _rank_within(best_first, group)
    lowest = score.min()
    return np.asarray(lowest + (score - lowest) * np.maximum(share, np.float32(floor)), np.float32)


def slate(
    ranked: Ranked,
    chances: NDArray[np.float64],
    rng: np.random.Generator,
    second: NDArray[np.int64] | None = None,
    coins: Sequence[bool] | None = None,
) -> Slate:
    """Fill the slots: `chances` [slots] is the probability that each explores, `rng` the source of the draws.

    The order of an exponential draw over each weight is that of drawing one by one without putting back (Efraimidis and
    Spirakis 2006, Weighted random sampling with a reservoir). A video that is shown for its value leaves that order as
    it is among the others, since exponential draws have no memory.

    Args:
      ranked: the candidates.
      chances, rng: as above.
      second: of an interleaved page: the best of the other ranker, the best first; a slot that does not explore is then
        either ranker's with probability 1/2.
      coins: with `second`: [slots] whether the other ranker picks; as many slots as `ranked.best` without.
    """
    coins = [False] * len(ranked.best) if coins is None else coins
    order = np.argsort(rng.standard_exponential(len(ranked.pool)) / ranked.weight, kind="stable")
    best = ranked.best.tolist()
    others = best if second is None else second.tolist()
    explores = (rng.random(len(coins)) < chances).tolist()
    # Of the draws no more are looked at than there are slots: each that is passed over is on the page already.
    page = fill(best, others, coins, explores, ranked.pool[order[: len(coins)]].tolist())
    index, num = page.videos, len(page.videos)
    weight = np.zeros(len(ranked.score))
    weight[ranked.pool] = ranked.weight
    shown = weight[index]
    weight[index] = 0
    # What is left is summed, not what is gone subtracted: the last video of the pool is drawn for sure, exactly.
    left = weight.sum() + np.cumsum(shown[::-1])[::-1]
    is_left = len(ranked.pool) > np.cumsum(shown > 0) - (shown > 0)
    picked = ((index == page.first).astype(np.float64) + (index == page.second)) / 2
    explored = chances[:num]
    propensity = np.where(is_left, 1 - explored, 1.0) * picked
    propensity += np.divide(explored * shown, left, out=np.zeros(num), where=shown > 0)
    team = None if second is None else page.team
    return Slate(index, ranked.score[index], propensity.astype(np.float32), page.explored, team)


def _rank_within(best_first: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many candidates of the same group are better, [n]; `best_first` [n] is their order."""
    rank = np.empty(len(best_first), np.int64)
    _count(best_first, positions(group, group), rank)
    return rank


@compiled
def _count(best_first: Ints, first_of_group: Ints, rank: IntsOut) -> None:
    seen = np.zeros(len(rank), np.int64)
    for i in best_first:
        rank[i] = seen[first_of_group[i]]
        seen[first_of_group[i]] += 1
