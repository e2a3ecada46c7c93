"""Calibration of one head."""

import numpy as np
import pytest

from homefeed.settings.ranking import RankingSettings
from models.ranking.calibration import IDENTITY, Calibrator, calibrate

SETTINGS = RankingSettings(platt_positives=50, isotonic_positives=1_000_000)


def sample(num: int, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels of known probabilities, and predictions that promise `factor` times as much in odds."""
    random = np.random.default_rng(5)
    true = random.uniform(0.005, 0.2, num)
    odds = true / (1 - true) * factor
    return (odds / (1 + odds)).astype(np.float32), (random.random(num) < true).astype(np.float32)


def test_nothing_observed_leaves_predictions_as_they_are() -> None:
    assert calibrate(np.array([0.1, 0.2]), np.zeros(2), SETTINGS, True) == IDENTITY
    assert calibrate(np.zeros(0, np.float32), np.zeros(0), SETTINGS, True) == IDENTITY


def test_few_positives_scale_only() -> None:
    fitted = calibrate(np.array([0.2, 0.2, 0.4, 0.2], np.float32), np.array([0, 0, 1.0, 0]), SETTINGS, True)
    assert fitted.kind == "scale"
    assert fitted(np.array([0.5], np.float32)) == pytest.approx([0.5])


def test_unknown_labels_are_left_out() -> None:
    fitted = calibrate(np.array([0.5, 0.9], np.float32), np.array([1.0, np.nan]), SETTINGS, True)
    assert fitted.y == (2.0,)


@pytest.mark.parametrize(("positives", "kind"), [(1_000_000, "platt"), (100, "isotonic")])
def test_doubled_odds_are_halved_again(positives: int, kind: str) -> None:
    predictions, labels = sample(60_000, 2.0)
    fitted = calibrate(predictions, labels, SETTINGS.model_copy(update={"isotonic_positives": positives}), True)
    assert fitted.kind == kind
    fresh, observed = sample(60_000, 2.0)
    assert fresh.sum() / observed.sum() > 1.7
    assert fitted(fresh).sum() / observed.sum() == pytest.approx(1, abs=0.02)


def test_the_order_is_kept() -> None:
    predictions, labels = sample(60_000, 2.0)
    fitted = calibrate(predictions, labels, SETTINGS, True)
    ordered = np.sort(predictions)
    assert (np.diff(fitted(ordered)) >= 0).all()


def test_a_head_that_is_wrong_way_round_is_not_turned() -> None:
    predictions, labels = sample(20_000, 1.0)
    assert calibrate(0.3 - predictions, labels, SETTINGS, True).kind == "scale"


def test_what_is_no_number_stays_none() -> None:
    for fitted in (IDENTITY, Calibrator("platt", (1.0,), (0.0,)), Calibrator("isotonic", (0.0, 1.0), (0.0, 1.0))):
        assert np.isnan(fitted(np.array([np.nan], np.float32))).all()
