"""Expected calibration error and its null."""

import numpy as np
import pytest

from monitoring.calibration_error import calibration_error, null_errors


def test_without_exposures_there_is_none() -> None:
    assert np.isnan(calibration_error([], [], [], 10)[0])


def test_two_groups_by_hand() -> None:
    """0.2 where half were watched and 0.8 where all were: half of 0.3 and half of 0.2."""
    error, groups = calibration_error([0.2, 0.2, 0.8, 0.8], [False, True, True, True], np.ones(4), 2)
    assert error == pytest.approx(0.25)
    assert groups.tolist() == [0, 0, 1, 1]


def test_weights_count_as_so_many_exposures() -> None:
    """Predicted 0.5 for one watched exposure and three missed ones: 0.25 off."""
    assert calibration_error([0.5, 0.5], [True, False], [1.0, 3.0], 2)[0] == pytest.approx(0.25)


def test_the_null_of_one_coin_is_the_binomials() -> None:
    """Of 100 coins the share of heads differs from a half by less than 2.576 * 0.05 in 99 of 100 cases."""
    null = null_errors(np.full(100, 0.5), np.ones(100), np.zeros(100, np.int64), seed=1, draws=4000)
    assert np.quantile(null, 0.99) == pytest.approx(0.129, abs=0.012)


def test_sampled_exposures_have_the_same_null_about_zero() -> None:
    """At 1 of 10, a missed row that stands for four is met 2.25 times as often as a positive one."""
    p = np.full(13_000, 0.1)
    null = null_errors(p, np.full(13_000, 4.0), np.zeros(13_000, np.int64), seed=1, draws=200)
    assert null.max() < 0.01


def test_a_sharp_model_that_is_right_stays_within_its_null_and_times_1_3_does_not() -> None:
    random = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-random.normal(-2.8, 1.2, 20_000)))
    y, w = random.random(20_000) < p, np.ones(20_000)
    error, groups = calibration_error(p, y, w, 10)
    bound = np.quantile(null_errors(p, w, groups, seed=1, draws=300), 0.99)
    assert error <= bound < 0.015
    assert calibration_error(1.3 * p, y, w, 10)[0] > bound + 0.005
