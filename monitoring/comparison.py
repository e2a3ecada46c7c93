"""Two arms of viewers compared, with an interval that holds at every look."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Arm:
    """Viewers of one release; a viewer is one observation, however many pages it saw.

    Attributes:
      numerator, denominator: [num_viewers] sums per viewer, such as watches and impressions.
    """

    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]

    @property
    def num_viewers(self) -> int:
        """Viewers of the arm."""
        return len(self.denominator)

    @property
    def ratio(self) -> float:
        """Sum of the numerators over sum of the denominators; NaN without data."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else math.nan


@dataclass(frozen=True)
class Difference:
    """Candidate minus live.

    Attributes:
      estimate, low, high: difference of the ratios, in their unit; low and high are infinite without data.
      candidate, live: the two ratios.
      num_viewers: viewers in the smaller arm.
    """

    estimate: float
    low: float
    high: float
    candidate: float
    live: float
    num_viewers: int


def arm_of(viewers: ArrayLike, numerator: ArrayLike, denominator: ArrayLike) -> Arm:
    """Rows summed per viewer: [n] keys, [n] and [n] -> an arm."""
    distinct, codes = np.unique(np.asarray(viewers), return_inverse=True)
    top, bottom = (
        np.bincount(codes, np.asarray(column, np.float64), len(distinct)).astype(np.float64)
        for column in (numerator, denominator)
    )
    return Arm(top, bottom)


def compare(candidate: Arm, live: Arm, alpha: float, expected: float) -> Difference:
    """Difference of two ratios with an always-valid interval: it may be read after every window.

    The variance is the delta method's with the viewer as unit, around the ratio of both arms together, so that an arm
    in which nothing has happened yet is not taken to be certain of it.

    Args:
      candidate, live: the arms.
      alpha: chance that the interval misses the truth at any look, ever.
      expected: difference that the test finds soonest, in the unit of the ratio (standard deviation of the mixture).

    Source: Johari, Koomen, Pekelis and Walsh 2022, "Always valid inference" (mixture sequential probability ratio test
    with a normal mixture); delta method for clustered ratios: Deng, Knoblich and Lu 2018, section 3.
    """
    smaller = min(candidate.num_viewers, live.num_viewers)
    estimate = candidate.ratio - live.ratio
    if smaller < 2 or math.isnan(estimate):
        return Difference(estimate, -math.inf, math.inf, candidate.ratio, live.ratio, smaller)
    pooled = (candidate.numerator.sum() + live.numerator.sum()) / (candidate.denominator.sum() + live.denominator.sum())
    residuals = [arm.numerator - pooled * arm.denominator for arm in (candidate, live)]
    spread = float(np.mean(np.concatenate(residuals) ** 2))
    variance = spread * sum(1 / (arm.num_viewers * arm.denominator.mean() ** 2) for arm in (candidate, live))
    if variance == 0:
        return Difference(estimate, estimate, estimate, candidate.ratio, live.ratio, smaller)
    mixture = max(expected, 1e-12) ** 2
    total = variance + mixture
    half = math.sqrt(variance * total / mixture * (math.log(total / variance) + 2 * math.log(1 / alpha)))
    return Difference(estimate, estimate - half, estimate + half, candidate.ratio, live.ratio, smaller)
