"""Where many numbers lie: a histogram with its mean and ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NUM_BINS = 32
#: Numbers that differ by less than this share of their size are one number that was rounded.
_SAME = 1e-4


@dataclass(frozen=True)
class Distribution:
    """A histogram.

    Attributes:
      num: numbers that were counted.
      mean, low, high: of them.
      counts: [b] in bins of equal width from `low` to `high`; empty when all numbers are one.
    """

    num: int
    mean: float
    low: float
    high: float
    counts: list[int]


def distribution(values: NDArray[np.float32]) -> Distribution | None:
    """The distribution of n finite numbers; None of none."""
    if not len(values):
        return None
    exact = values.astype(np.float64)
    low, high = float(exact.min()), float(exact.max())
    is_one = high - low <= _SAME * max(abs(low), abs(high), _SAME)
    counts = [] if is_one else np.histogram(exact, _NUM_BINS, (low, high))[0].tolist()
    return Distribution(len(exact), float(exact.mean()), low, high, counts)
