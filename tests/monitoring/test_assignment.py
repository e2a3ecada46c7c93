"""Broken assignments are found at any look, right ones are left alone."""

import numpy as np
import pytest
from scipy.stats import binom

from monitoring.assignment import balance_p, sample_ratio_p
from monitoring.comparison import difference, moments_of


def test_no_viewers_and_an_even_split_are_right() -> None:
    assert sample_ratio_p(0, 0, 0.5) == 1
    assert sample_ratio_p(1000, 2000, 0.5) == 1


def test_the_bayes_factor_by_hand() -> None:
    """One viewer, in the first arm, of prior Beta(50, 50): as likely as meant, so p is 1; a thousand is not."""
    assert sample_ratio_p(1, 1, 0.5) == pytest.approx(1.0)
    assert sample_ratio_p(1000, 1000, 0.5) < 1e-200


@pytest.mark.parametrize(
    ("first", "both", "is_broken"), [(200, 500, True), (10_400, 20_000, True), (10_100, 20_000, False)]
)
def test_a_broken_split_is_found(first: int, both: int, is_broken: bool) -> None:
    assert (sample_ratio_p(first, both, 0.5) < 0.001) is is_broken


def test_right_splits_are_rarely_called_broken_at_any_of_50_looks() -> None:
    random, broken = np.random.default_rng(0), 0
    for _ in range(300):
        first = np.cumsum(random.binomial(100, 0.5, 50))
        broken += any(sample_ratio_p(int(n), 100 * (k + 1), 0.5) < 0.05 for k, n in enumerate(first))
    assert broken <= binom.ppf(0.999, 300, 0.05)


def test_heavy_viewers_in_one_arm_are_found() -> None:
    random = np.random.default_rng(0)
    watched = random.gamma(0.5, 100, (2, 2_000))
    users, look = np.arange(2_000), np.zeros(2_000, int)
    alike = difference(*(moments_of(users, look, 1, side) for side in watched))
    heavier = difference(moments_of(users, look, 1, watched[0] * 1.5), moments_of(users, look, 1, watched[1]))
    assert balance_p(alike) > 0.001
    assert balance_p(heavier) < 0.001
    nothing = difference(*(moments_of(users, look, 1, side * 0) for side in watched))
    assert balance_p(nothing) == 1
