"""Sequential bounds: by hand, against an exact probability, and by drawing paths."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from monitoring.sequential import always_valid, critical_values, spent


def test_no_look_has_no_bound() -> None:
    assert critical_values(0.05, [], []).tolist() == []


def test_one_look_at_the_end_is_the_plain_test() -> None:
    assert critical_values(0.025, [1.0], [7.0]) == pytest.approx([1.959964], abs=1e-4)


def test_a_look_that_spends_nothing_decides_nothing() -> None:
    bounds = critical_values(0.025, [0.0, 1.0, 1.0], [0.0, 1.0, 2.0])
    assert np.isinf(bounds[[0, 2]]).all()
    assert bounds[1] == pytest.approx(1.959964, abs=1e-4)


def test_half_of_the_plan_has_spent_an_eighth() -> None:
    assert spent(0.04, [0.0, 0.5, 1.0, 2.0]).tolist() == pytest.approx([0, 0.005, 0.04, 0.04])


def test_two_looks_against_the_bivariate_normal() -> None:
    """Information 1 and 3, so the z values correlate by sqrt(1/3)."""
    bounds = critical_values(0.05, [0.5, 1.0], [1.0, 3.0])
    correlation = np.sqrt(1 / 3)
    inside = multivariate_normal.cdf(bounds, cov=[[1, correlation], [correlation, 1]])
    assert bounds[0] == pytest.approx(-norm.ppf(0.05 / 8), abs=1e-4)
    assert 1 - inside == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("looks", [30, 144])
def test_many_looks_cross_as_often_as_they_may(looks: int) -> None:
    paths = 30_000
    spending = np.arange(1, looks + 1) / looks
    bounds = critical_values(0.05, spending, spending)
    z = np.cumsum(np.random.default_rng(1).normal(size=(paths, looks)), 1) / np.sqrt(np.arange(1, looks + 1))
    share = (z > bounds).any(1).mean()
    assert share == pytest.approx(0.05, abs=0.004)


def test_the_always_valid_interval_by_hand() -> None:
    """Variance 1/4, mixture 1/4: half-width sqrt(1/4 * 2 * (ln 2 + 2 ln 20))."""
    half = always_valid(0.25, 0.05, 0.5)
    assert half == pytest.approx(np.sqrt(0.5 * (np.log(2) + 2 * np.log(20))))
    assert always_valid(0.0, 0.05, 0.5) == 0
