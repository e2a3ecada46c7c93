"""Predicted over observed of slices that can be counted on one hand."""

import numpy as np
import pytest

from models.ranking.slice_calibration import slice_calibrations
from tests.models.ranking.test_exposure_slices import NAMES, examples

PROMISED = np.array([0.5, 0.25, 3.0], np.float32)


def test_ratios_by_hand_the_worst_first() -> None:
    """Three watched exposures: the first and the last are of newcomers, and each slot is a slice."""
    rows = examples(history_size=[0, 3, 0])
    found = {(p.group, p.name): (p.positives, p.ratio) for p in slice_calibrations(rows, "watched", PROMISED, NAMES, 1)}
    assert found["device", "phone"] == (3, pytest.approx(3.75 / 3))
    assert found["viewer", "new: has watched nothing before"] == (2, pytest.approx(3.5 / 2))
    assert found["viewer", "known"] == found["slot", "slots 10 to 19"] == (1, pytest.approx(0.25))
    # Four times too low is further off than three times too high.
    assert next(iter(found.values())) == (1, pytest.approx(0.25))
    assert [p.positives for p in slice_calibrations(rows, "watched", PROMISED, NAMES, 3)] == [3, 3, 3]


def test_a_slice_without_positives_has_no_ratio() -> None:
    rows = examples()
    rows.labels["watched"] = np.array([1, 0, np.nan], np.float32)
    found = slice_calibrations(rows, "watched", PROMISED, NAMES, 0)
    slots = {p.name: (p.positives, p.ratio) for p in found if p.group == "slot"}
    assert slots == {"slots 0 to 4": (1, pytest.approx(0.5))}
    # What is not known is left out on both sides.
    assert [p.ratio for p in found if p.group == "device"] == [pytest.approx(0.75)]


def test_no_exposures_have_no_slice() -> None:
    none = examples().take(np.zeros(3, bool))
    assert slice_calibrations(none, "watched", PROMISED[:0], NAMES, 1) == []
