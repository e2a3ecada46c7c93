"""Calibration of one head."""

import numpy as np
import pytest

from homefeed.features import TARGETS
from homefeed.settings.ranking import RankingSettings
from models.ranking.calibration import (
    IDENTITY,
    CalibrationError,
    Calibrator,
    calibrate,
    calibrators_of,
    record_of,
)

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


def test_a_curve_between_its_corners_at_them_beyond_them_and_of_no_number() -> None:
    # Two corners in one place are a step, whose upper end counts.
    curve = Calibrator("isotonic", (0.25, 0.5, 0.5, 1.0), (0.0, 0.25, 0.5, 1.0))
    promised = curve(np.array([0, 0.25, 0.375, 0.5, 0.75, 1, 2, np.nan], np.float32))
    assert promised[:-1].tolist() == [0, 0, 0.125, 0.5, 0.75, 1, 1]
    assert np.isnan(promised[-1])
    assert curve(np.zeros(0, np.float32)).tolist() == []


def test_a_curve_of_one_corner_says_it_of_every_number() -> None:
    promised = Calibrator("isotonic", (0.5,), (0.25,))(np.array([0, 0.5, 1, np.nan], np.float32))
    assert promised[:3].tolist() == [0.25, 0.25, 0.25]
    assert np.isnan(promised[3])


def test_a_curve_of_many_corners_is_what_numpy_says() -> None:
    random = np.random.default_rng(3)
    x, y = np.sort(random.random(301)), np.sort(random.random(301))
    predictions = random.random(5000).astype(np.float32)
    promised = Calibrator("isotonic", tuple(x.tolist()), tuple(y.tolist()))(predictions)
    np.testing.assert_allclose(promised, np.interp(predictions, x, y), rtol=1e-6)


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


def test_a_weight_counts_as_many_exposures() -> None:
    predictions, labels = np.array([0.2, 0.2], np.float32), np.array([1.0, 0.0], np.float32)
    fitted = calibrate(predictions, labels, SETTINGS, True, weight=np.array([1.0, 3.0], np.float32))
    # One watch in four exposures, 0.2 promised: a factor of 1.25.
    assert fitted.y == pytest.approx((1.25,))
    assert fitted.positives == 1


def test_a_prediction_that_is_no_number_is_left_out_of_the_fit() -> None:
    fitted = calibrate(np.array([0.5, np.nan], np.float32), np.array([1.0, 1.0], np.float32), SETTINGS, True)
    assert fitted.y == (2.0,)


def test_predictions_that_are_all_equal_are_scaled_to_the_rate() -> None:
    labels = (np.arange(10_000) % 100 == 0).astype(np.float32)
    for positives in (1_000_000, 50):
        knobs = SETTINGS.model_copy(update={"isotonic_positives": positives})
        fitted = calibrate(np.full(10_000, 0.02, np.float32), labels, knobs, True)
        assert fitted(np.array([0.02], np.float32)) == pytest.approx([0.01], rel=1e-2)


def test_calibrators_are_read_back_as_they_were_written() -> None:
    every = dict.fromkeys(TARGETS, IDENTITY) | {"liked": Calibrator("isotonic", (0.0, 1.0), (0.0, 0.5), 7)}
    assert calibrators_of(record_of(every)) == every


@pytest.mark.parametrize(
    ("target", "broken"),
    [
        ("liked", {"kind": "magic", "x": [], "y": [1]}),
        ("liked", {"kind": "platt", "x": [], "y": [1]}),
        ("liked", {"kind": "scale", "x": [], "y": ["much"]}),
        ("liked", {"kind": "scale", "x": [], "y": [float("inf")]}),
        ("watched", {"kind": "isotonic", "x": [0, 1], "y": [1, 0]}),
        ("watched", {"kind": "isotonic", "x": [0, 1], "y": [1]}),
    ],
)
def test_calibrators_that_cannot_be_used_are_named(target, broken) -> None:
    record = record_of(dict.fromkeys(TARGETS, IDENTITY)) | {target: broken}
    with pytest.raises(CalibrationError, match=f"head '{target}'"):
        calibrators_of(record)


def test_a_head_without_a_calibrator_is_an_error() -> None:
    with pytest.raises(CalibrationError, match="watched, watch_s"):
        calibrators_of({"watched": {"kind": "scale", "x": [], "y": [1]}})
