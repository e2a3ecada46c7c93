"""Expected calibration error, and the one that a perfectly calibrated model would show on the same exposures."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation.reliability import groups_of

#: Rows of the simulated labels held at once: draws times exposures.
_BLOCK = 4_000_000


def calibration_error(
    predictions: ArrayLike, observed: ArrayLike, weight: ArrayLike, num_groups: int
) -> tuple[float, NDArray[np.int64]]:
    """Mean over groups of alike predictions of |predicted - observed|, by weight; 0 is perfect.

    Args:
      predictions: [n] probabilities.
      observed: [n] bool.
      weight: [n] exposures that each row stands for.
      num_groups: groups of about equal weight; fewer where predictions are equal.

    Returns:
      The error, and [n] the number of each row's group; NaN without a row.

    Source: Guo et al. 2017, "On calibration of modern neural networks", equation 3, with groups of equal weight.
    """
    p, y, w = (np.asarray(column, np.float64) for column in (predictions, observed, weight))
    if not len(p):
        return float("nan"), np.zeros(0, np.int64)
    groups = groups_of(p, w, num_groups)
    gap = np.bincount(groups, w * (p - y), num_groups)
    return float(np.abs(gap).sum() / w.sum()), groups


def null_errors(
    predictions: ArrayLike, missed_weight: ArrayLike, groups: NDArray[np.int64], *, seed: int, draws: int = 1000
) -> NDArray[np.float64]:
    """[draws] `calibration_error` of labels that are drawn from the predictions: what is left of it by chance alone.

    A missed exposure that was sampled stands for w, a positive one for itself, as all of these are kept. Of the rows
    that were read one is therefore positive with probability p / (p + (1 - p) / w).

    Args:
      predictions: [n] probabilities.
      missed_weight: [n] exposures that each row stands for when it is missed (w).
      groups: [n] as of `calibration_error`.
      seed: of the draws.
      draws: number of simulated sets of labels.
    """
    random = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
    p, w = (np.asarray(column, np.float64)[order] for column in (predictions, missed_weight))
    chance = (p / (p + (1 - p) / w)).astype(np.float32)
    errors = np.empty(draws)
    block = max(1, _BLOCK // max(len(p), 1))
    for first in range(0, draws, block):
        num = min(block, draws - first)
        positive = random.random((num, len(p)), np.float32) < chance
        gap = np.add.reduceat(np.where(positive, p - 1, w * p), begins, axis=1)
        errors[first : first + num] = np.abs(gap).sum(axis=1) / np.where(positive, 1.0, w).sum(axis=1)
    return errors
