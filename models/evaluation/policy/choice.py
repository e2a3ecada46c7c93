"""What a ranker's choice would have been worth, from the exposures that were drawn at random.

A page's best videos are all but certain, so its log says nothing about another order of them (`page`). What exploration
showed was drawn, each video with a known propensity: among those videos alone any two rankers can be compared without
bias, before a viewer sees a page of either.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.policy.errors import PolicyError, UnsupportedError
from models.evaluation.policy.likelihood import Estimate, ratio
from models.evaluation.policy.rounds import Floats, check_probabilities
from models.evaluation.policy.support import effective_size

#: A video that was shown with at least this probability was not drawn: nothing else had much of a chance there.
CERTAIN = 0.5


@dataclass(frozen=True)
class Shown:
    """n exposures.

    Attributes:
      viewers: [n] keys; what one viewer did stands and falls together.
      worth: [n] what came of each.
      propensities: [n] probability that the video was shown in its slot, given the slots above; NaN or 0 when it is
        not known.
      weight: [n] how many exposures each stands for.
    """

    viewers: NDArray[np.int64]
    worth: Floats
    propensities: Floats
    weight: Floats


@dataclass(frozen=True)
class ChoiceValue:
    """Worth per exposure.

    Attributes:
      drawn: of every video that could be drawn, each alike.
      chosen: of the share of these that the ranker scores highest.
      rival: the same by another ranker's scores; None without one.
      difference: `chosen` minus `rival` on the same exposures; None without a rival.
      share: of the draws that is chosen; more than asked for where scores are equal.
      effective_exposures: exposures of the ranker's own choice that would say as much.
      num_exposures: exposures that were drawn.
    """

    drawn: Estimate
    chosen: Estimate
    rival: Estimate | None
    difference: Estimate | None
    share: float
    effective_exposures: float
    num_exposures: int


def choice_value(shown: Shown, scores: NDArray[Any], rival: NDArray[Any] | None = None, *, share: float) -> ChoiceValue:
    """Estimate what slots would be worth that show only what a ranker likes best of all that could be drawn there.

    Args:
      shown: the exposures; those that are not known to have been drawn are left out.
      scores: [n] by the ranker, the larger the better.
      rival: [n] by another ranker.
      share: of the videos that could be drawn which the ranker may choose, above 0, up to 1.

    Raises:
      UnsupportedError: nothing was drawn.
      PolicyError: a propensity is no probability, or a score of what was drawn is not a finite number.

    Source: SNIPS, Swaminathan and Joachims 2015, "The self-normalized estimator for counterfactual learning"; replaying
    random draws, Li et al. 2011, "Unbiased offline evaluation of contextual-bandit-based news article recommendation
    algorithms".
    """
    known = np.nan_to_num(shown.propensities)
    check_probabilities(known, lambda row: f"propensities, row {row}", above_zero=False)
    drawn = (known > 0) & (known < CERTAIN)
    if not drawn.any():
        raise UnsupportedError(
            f"none of {len(known):,} exposures is known to have been drawn at random, so the log cannot speak for "
            "another ranker: raise HOMEFEED_SERVING__EXPLORATION, or send the propensity with each impression"
        )
    for given in (scores, rival):
        unknown = 0 if given is None else int((~np.isfinite(given[drawn])).sum())
        if unknown:
            raise PolicyError(f"{unknown:,} of {drawn.sum():,} scores are not finite numbers: the ranker is broken")
    viewers, worth = shown.viewers[drawn], shown.worth[drawn]
    # One over the propensity makes every video that could be drawn count alike.
    weight = np.asarray(shown.weight[drawn] / known[drawn], np.float64)
    mine = weight * _is_chosen(scores[drawn], weight, share)
    chosen, own_summands = _snips(viewers, worth, mine)
    other: Estimate | None = None
    difference: Estimate | None = None
    if rival is not None:
        other, summands = _snips(viewers, worth, weight * _is_chosen(rival[drawn], weight, share))
        difference = ratio(own_summands - summands, np.ones(len(weight)), viewers)
    return ChoiceValue(
        drawn=ratio(weight * worth, weight, viewers),
        chosen=chosen,
        rival=other,
        difference=difference,
        share=float(mine.sum() / weight.sum()),
        effective_exposures=effective_size(mine),
        num_exposures=len(weight),
    )


def _is_chosen(scores: NDArray[Any], weight: Floats, share: float) -> NDArray[np.bool_]:
    """[n] the best by score until they hold `share` of the weight; equal scores are chosen together."""
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    held = np.cumsum(weight[order])
    last = min(int(np.searchsorted(held, share * held[-1] * (1 - 1e-12))), len(order) - 1)
    return np.asarray(scores >= scores[order[last]])


def _snips(viewers: NDArray[np.int64], worth: Floats, weight: Floats) -> tuple[Estimate, Floats]:
    """The weighted mean of the worth, and what each exposure adds to it [n]: their mean is the estimate."""
    estimate = ratio(weight * worth, weight, viewers)
    per_weight = len(weight) / weight.sum()
    return estimate, estimate.value + weight * per_weight * (worth - estimate.value)
