"""What `homefeed bench experiments` measures with, where it can be checked by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from homefeed.cli.bench import experiments, watch_effect
from homefeed.cli.bench.watch_effect import ViewerDays
from homefeed.settings import load


def test_moments_by_hand() -> None:
    """Two looks of two viewers each: watches 1 and 2, then 0 and 3."""
    found = experiments.moments(np.array([[3.0, 3.0]]), np.array([[5.0, 9.0]]), 2.0)
    assert found.n.tolist() == found.d.tolist() == [[2, 4]]
    assert found.y.tolist() == [[3, 6]]
    assert found.yy.tolist() == [[5, 14]]


def test_exposures_needed_by_hand() -> None:
    """Mean 2, variance 4, ten impressions a viewer: 2 * 4 * (3 / 0.2) ** 2 viewers; a covariate that is the measure
    itself leaves nothing."""
    days = ViewerDays(np.array([0.0, 4.0]), np.array([10.0, 10.0]), np.array([0.0, 4.0]))
    assert days.needed(0.1, 3.0) == pytest.approx(18_000)
    assert days.kept == pytest.approx(0)


def test_looks_cost_a_little_drift() -> None:
    drift, plain = watch_effect.drift_for_power(0.025, 0.8, seed=0), norm.ppf(0.975) + norm.ppf(0.8)
    assert plain < drift < 1.06 * plain


def test_harm_is_found_and_its_absence_is_not() -> None:
    budget = 0.026
    assert experiments.share_found(experiments.simulated(200, 0.0, None, 0), budget) <= 0.07
    assert experiments.share_found(experiments.simulated(200, 0.1, None, 0), budget) >= 0.96
    assert experiments.share_found(experiments.simulated(200, -0.1, None, 0), budget) == 0, "better is no harm"


def test_a_test_per_impression_is_wrong_far_too_often_when_viewers_differ() -> None:
    per_impression = experiments.share_found(experiments.simulated(400, 0.0, 1.0, 0, per_viewer=1), 0.026)
    assert per_impression > 0.07


def test_unchanged_releases_are_left_alone() -> None:
    assert experiments.unchanged(load(), 100, seed=1) <= 0.13


def test_power_by_drawing_keeps_the_promise() -> None:
    """Viewers whose day is half explained by the days before; the promise is 80 %."""
    random = np.random.default_rng(0)
    before = random.gamma(1, 1, 4_000)
    days = ViewerDays(before + random.gamma(1, 1, 4_000), np.ones(4_000), before)
    drift = watch_effect.drift_for_power(0.025, 0.8, seed=0)
    assert days.kept == pytest.approx(0.5, abs=0.05)
    with_past = int(days.needed(0.1, drift, days.kept))
    plain, cuped = watch_effect.power_by_drawing(days, 0.1, 0.025, with_past, 60, seed=0)
    assert plain < 0.7 < cuped
