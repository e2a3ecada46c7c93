"""Interval of a ratio of sums by empirical likelihood: no draws, no symmetry assumed, and clusters stand and fall
together.

With few positive rewards the sum is skewed: an interval of one standard error to each side covers too seldom, and that
of the chi-squared limit still does. The bound here is the square of Student's t with as many degrees of freedom as
clusters that matter, (sum z^2)^2 / sum z^4 over the clusters' residuals z: with millions of rounds and five clicks that
is about five.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import t

_MOST_STEPS = 100


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval.

    Attributes:
      value: the ratio; NaN when there is nothing in the denominator.
      low, high: bounds; NaN with fewer than two clusters, or where all clusters say the same.
    """

    value: float
    low: float
    high: float

    def covers(self, value: float) -> bool:
        """Whether `value` lies inside the interval, bounds included."""
        return self.low <= value <= self.high


def ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    least_variance: float = 0.0,
) -> Estimate:
    """sum(numerators) / sum(denominators) with its interval.

    Args:
      numerators: [n] summands; a mean has ones as denominators.
      denominators: [n] summands, none negative.
      clusters: [n] key of what was drawn together, such as a request; None is a cluster for each row.
      confidence: mass inside the interval.
      least_variance: variance of the sum of the residuals that is known from elsewhere; where the residuals themselves
        spread less, the interval is widened to it. Rewards that are rare in the cells of largest weight are often
        missing there, and then the residuals look too calm.

    Source: Owen 1990, "Empirical likelihood ratio confidence regions"; for weighted logs Karampatziakis et al. 2020,
    "Empirical likelihood for contextual bandits". The degrees of freedom are those of the module's docstring.
    """
    top, bottom = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if clusters is not None:
        distinct, codes = np.unique(np.asarray(clusters), return_inverse=True)
        top, bottom = (np.bincount(codes, side, len(distinct)).astype(np.float64) for side in (top, bottom))
    total = bottom.sum()
    if total <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float(top.sum() / total)
    # Rows that say the same are counted, not carried: a policy without contexts has a handful of kinds of rows.
    kinds, counts = np.unique(top + 1j * bottom, return_counts=True)
    top, bottom = kinds.real, kinds.imag
    extremes = top[bottom > 0] / bottom[bottom > 0]
    low, high = float(extremes.min()), float(extremes.max())
    residuals = top - value * bottom
    if counts.sum() < 2 or not low < value < high:
        return Estimate(value, float("nan"), float("nan"))
    squares = residuals**2
    degrees = float((counts @ squares) ** 2 / (counts @ squares**2))
    calm = max(least_variance / float(counts @ squares), 1.0)
    bound = calm * float(t.ppf((1 + confidence) / 2, max(degrees, 1.0)) ** 2)

    def excess(at: float) -> float:
        return min(_deviance(top - at * bottom, counts), 10 * bound) - bound

    sides = [value if excess(end) <= 0 else float(brentq(excess, value, end)) for end in (low, high)]
    return Estimate(value, *sides)


def _deviance(residuals: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """-2 log of the empirical likelihood ratio for a mean residual of zero; infinite where none can have it."""
    scale = np.abs(residuals).max()
    least, most = residuals.min(), residuals.max()
    if not least < 0 < most:
        return float("inf") if scale else 0.0
    z, num = residuals / scale, float(counts.sum())
    # The multiplier that keeps every probability between 0 and 1 lies here; the score falls from one end to the other.
    low, high = (1 / num - 1) / z.max(), (1 / num - 1) / z.min()
    multiplier = 0.0
    for _ in range(_MOST_STEPS):
        odds = z / (1 + multiplier * z)
        score, slope = float(counts @ odds), float(counts @ odds**2)
        low, high = (multiplier, high) if score > 0 else (low, multiplier)
        proposed = multiplier + score / slope
        following = proposed if low < proposed < high else (low + high) / 2
        if abs(following - multiplier) <= 1e-12 * max(high - low, 1e-12) or abs(score) <= 1e-12 * num:
            break
        multiplier = following
    return float(2 * (counts @ np.log1p(multiplier * z)))
