"""Slices of the exposures, and the harm to one of them."""

import math

import numpy as np
import pytest
from stub_bundle import no_rows, stub_rows

from monitoring.gates.slices import harm_of
from monitoring.slices import guarded_slices


def test_no_exposures_have_no_slices() -> None:
    assert guarded_slices(no_rows(), 100) == []


def test_slices_hold_what_their_names_say() -> None:
    rows = stub_rows(1000)
    found = {part.name: part.mask for part in guarded_slices(rows, 100)}
    assert sorted(found) == ["cold_videos", "country_DE", "country_IS", "device_phone", "new_viewers", "tail"]
    assert np.array_equal(found["new_viewers"], rows.users % 5 == 0)
    assert np.array_equal(found["cold_videos"], rows.feature("video_watches_7d") == 0)
    assert np.array_equal(found["tail"], found["cold_videos"]), "equals are in one tenth"
    assert found["device_phone"].all()


def test_harm_by_hand() -> None:
    """4 nats against 3: a third worse. Both viewers' residuals are 2/3 - 2/3 and 1 - 1/3 apart from it."""
    harm = harm_of(np.array([1, 1, 2]), np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0]))
    assert harm.estimate == pytest.approx(1 / 3)
    assert harm.num_viewers == 2
    assert harm.error == pytest.approx(math.sqrt(2 * ((2 / 3) ** 2 + (2 / 3) ** 2)) / 3)


def test_one_viewer_has_no_interval() -> None:
    assert harm_of(np.array([1, 1]), np.ones(2), np.ones(2)).error == math.inf
