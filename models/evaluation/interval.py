"""Bootstrap over viewers: exposures of one viewer stand and fall together, so viewers are what is drawn again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Interval:
    """A ratio of sums with its confidence interval.

    Attributes:
      estimate: the ratio over all viewers.
      low, high: percentile bounds; NaN with fewer than two viewers.
      num_viewers: viewers it rests on.
    """

    estimate: float
    low: float
    high: float
    num_viewers: int


def viewer_bootstrap(
    viewers: ArrayLike,
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    seed: int,
    draws: int = 1000,
    confidence: float = 0.95,
) -> Interval:
    """Interval of sum(numerator) / sum(denominator) by the Poisson bootstrap over viewers.

    A paired comparison of two models puts the difference of their losses in `numerator`.

    Args:
      viewers: [n] key of each row's viewer.
      numerator, denominator: [n] summands.
      seed: of the draws.
      draws: number of resamples.
      confidence: mass inside the interval.

    Source: Chamandy et al. 2012, "Estimating uncertainty for massive data streams" (Poisson weights per unit).
    """
    distinct, codes = np.unique(np.asarray(viewers), return_inverse=True)
    top = np.bincount(codes, np.asarray(numerator, np.float64), len(distinct))
    bottom = np.bincount(codes, np.asarray(denominator, np.float64), len(distinct))
    total = bottom.sum()
    estimate = float(top.sum() / total) if total else float("nan")
    if len(distinct) < 2 or not total:
        return Interval(estimate, float("nan"), float("nan"), len(distinct))
    random = np.random.default_rng(seed)
    ratios = np.empty(draws)
    # Draws in blocks keep the weights of a million viewers within tens of megabytes.
    block = max(1, 4_000_000 // len(distinct))
    for first in range(0, draws, block):
        weights = random.poisson(1.0, (min(block, draws - first), len(distinct))).astype(np.float64)
        sums = weights @ bottom
        ratios[first : first + len(weights)] = np.divide(
            weights @ top, sums, out=np.full(len(weights), np.nan), where=sums != 0
        )
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(ratios, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), len(distinct))
