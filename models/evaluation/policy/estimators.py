"""Four estimates of what another policy would have been worth, each per round, from the same columns.

The weight of a round is the probability that the target policy shows what was shown, over the logged propensity.
"""

import numpy as np
from numpy.typing import ArrayLike

from models.evaluation.policy.likelihood import Estimate, ratio


def ips(rewards: ArrayLike, weights: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Mean of weight x reward; unbiased, at the price of its spread. Shapes [n].

    Source: Horvitz and Thompson 1952; for bandits Strehl et al. 2010, "Learning from logged implicit exploration data".
    """
    weight = np.asarray(weights, np.float64)
    return ratio(weight * np.asarray(rewards, np.float64), np.ones(len(weight)), clusters)


def snips(rewards: ArrayLike, weights: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Weighted mean of the rewards; never outside their range. Shapes [n].

    Source: Swaminathan and Joachims 2015, "The self-normalized estimator for counterfactual learning".
    """
    weight = np.asarray(weights, np.float64)
    return ratio(weight * np.asarray(rewards, np.float64), weight, clusters)


def direct_method(expected: ArrayLike, corrections: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Mean reward that a model of the rewards expects under the target policy. Shapes [n].

    Args:
      expected: mean prediction over what the target policy would show, in the context of each round.
      corrections: what each round adds to the mean of `expected` by having taught the model; mean zero. It widens the
        interval by the spread of the model. What the model gets wrong for good no interval of it holds.
      clusters: as in `ratio`.
    """
    summands = np.asarray(expected, np.float64) + np.asarray(corrections, np.float64)
    return ratio(summands, np.ones(len(summands)), clusters)


def doubly_robust(
    rewards: ArrayLike,
    weights: ArrayLike,
    predicted: ArrayLike,
    expected: ArrayLike,
    clusters: ArrayLike | None = None,
) -> Estimate:
    """The direct method, and the weighted mean of what its model got wrong: right when either is. Shapes [n].

    Args:
      rewards: 0 or 1.
      weights, clusters: as in `ips`.
      predicted: prediction for what was shown, by a model that this round did not teach.
      expected: as in `direct_method`, by the same model.

    Rewards are 0 or 1, so the model also says how much they vary: the interval is never narrower than by that.
    Value and bounds may lie outside the range of the rewards: a sign that the weights are too large for the log.

    Source: Dudík et al. 2011, "Doubly robust policy evaluation and learning".
    """
    chance, weight, mean = (np.asarray(column, np.float64) for column in (predicted, weights, expected))
    summands = mean + weight * (np.asarray(rewards, np.float64) - chance)
    apart = np.arange(len(summands)) if clusters is None else np.asarray(clusters)
    by_context = np.bincount(np.unique(apart, return_inverse=True)[1], mean - mean.mean())
    least = float((weight**2 * chance * (1 - chance)).sum() + (by_context**2).sum())
    return ratio(summands, np.ones(len(summands)), clusters, least_variance=least)
