"""Bootstrap over viewers: exposures of one viewer stand and fall together, so viewers are what is drawn again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


@dataclass(frozen=True)
class Resamples:
    """Viewers drawn again and again, by Poisson weights that are the same in every call: differences of two measures of
    the same viewers are paired.

    Attributes:
      num_viewers: viewers there are.
      seed: of the draws.
      draws: number of resamples.

    Source: Chamandy et al. 2012, "Estimating uncertainty for massive data streams" (Poisson weights per unit).
    """

    num_viewers: int
    seed: int
    draws: int = 200

    def sums(self, columns: Any) -> NDArray[np.float64]:
        """Sums over the viewers of each resample.

        Args:
          columns: [num_viewers, s] sums of each viewer, a numpy array or a scipy sparse one.

        Returns:
          [draws, s].
        """
        found = np.empty((self.draws, columns.shape[1]))
        random = np.random.default_rng(self.seed)
        # Draws in blocks keep the weights of a million viewers within tens of megabytes.
        block = max(1, 4_000_000 // max(self.num_viewers, 1))
        for first in range(0, self.draws, block):
            size = (min(block, self.draws - first), self.num_viewers)
            weights = random.poisson(1.0, size).astype(np.float64)
            found[first : first + len(weights)] = (columns.T @ np.ascontiguousarray(weights.T)).T
        return found


def percentiles(draws: NDArray[np.float64], confidence: float = 0.95) -> tuple[NDArray[np.float64], ...]:
    """Low and high bound of each column, [d, ...] -> [...] twice. NaN where more resamples than lie outside of one
    bound have no value: the bound would be made up."""
    tail = (1 - confidence) / 2
    is_known = np.isfinite(draws)
    enough = (~is_known).mean(axis=0) <= tail
    filled = np.where(is_known | ~enough, draws, np.nan)
    filled = np.where(enough, filled, 0.0)
    low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


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
    """
    distinct, codes = np.unique(np.asarray(viewers), return_inverse=True)
    top = np.bincount(codes, np.asarray(numerator, np.float64), len(distinct))
    bottom = np.bincount(codes, np.asarray(denominator, np.float64), len(distinct))
    total = bottom.sum()
    estimate = float(top.sum() / total) if total else float("nan")
    if len(distinct) < 2 or not total:
        return Interval(estimate, float("nan"), float("nan"), len(distinct))
    sums = Resamples(len(distinct), seed, draws).sums(np.column_stack([top, bottom]))
    ratios = np.divide(sums[:, 0], sums[:, 1], out=np.full(draws, np.nan), where=sums[:, 1] != 0)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(ratios, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), len(distinct))
