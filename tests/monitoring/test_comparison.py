"""Arms of viewers and their always-valid interval."""

import math

import numpy as np
import pytest

from monitoring.comparison import Arm, arm_of, compare


def arm(watches: list[float], impressions: list[float]) -> Arm:
    return Arm(np.array(watches, float), np.array(impressions, float))


def test_no_viewers_is_no_evidence() -> None:
    gap = compare(arm([], []), arm([1, 0], [10, 10]), alpha=0.05, expected=0.01)
    assert math.isnan(gap.estimate)
    assert (gap.low, gap.high, gap.num_viewers) == (-math.inf, math.inf, 0)


def test_rows_are_summed_per_viewer() -> None:
    summed = arm_of(np.array([7, 3, 7]), [1, 0, 1], [1, 1, 1])
    assert summed.numerator.tolist() == [0, 2]
    assert summed.denominator.tolist() == [1, 2]
    assert summed.ratio == pytest.approx(2 / 3)


def test_interval_by_hand() -> None:
    """Two viewers each, one impression each: pooled rate 1/2, residuals 1/2, so variance 1/4 * (1/2 + 1/2)."""
    gap = compare(arm([1, 0], [1, 1]), arm([1, 0], [1, 1]), alpha=0.05, expected=0.5)
    half = math.sqrt(0.25 * 0.5 / 0.25 * (math.log(0.5 / 0.25) + 2 * math.log(20)))
    assert (gap.low, gap.high) == pytest.approx((-half, half))


def test_an_arm_in_which_nothing_happened_is_not_certain_of_it() -> None:
    nothing, live = arm([0] * 8, [20] * 8), arm([1, 0, 1, 0, 1, 0, 0, 0] * 9, [20] * 72)
    gap = compare(nothing, live, alpha=0.0125, expected=0.002)
    assert gap.low < -0.0187 < gap.high
    assert gap.high > 0


def looks(rate: float, harm: float, seed: int, num_looks: int = 20, per_look: int = 300) -> bool:
    """Whether any of `num_looks` looks at growing arms finds the candidate worse."""
    random = np.random.default_rng(seed)
    taste = random.gamma(2, rate / 2, (2, num_looks * per_look))
    impressions = np.full(num_looks * per_look, 20.0)
    watches = random.poisson(taste * impressions * np.array([[1 - harm], [1.0]]))
    for look in range(1, num_looks + 1):
        seen = slice(0, look * per_look)
        arms = [Arm(watches[i, seen].astype(float), impressions[seen]) for i in (0, 1)]
        if compare(*arms, alpha=0.05, expected=0.1 * rate).high < 0:
            return True
    return False


def test_an_equal_release_survives_every_look() -> None:
    """The budget is 5 in 100 over all looks and both sides."""
    assert sum(looks(0.06, 0.0, seed) for seed in range(200)) <= 10


def test_a_release_that_is_a_tenth_worse_is_found() -> None:
    assert sum(looks(0.06, 0.1, seed) for seed in range(40)) >= 36
