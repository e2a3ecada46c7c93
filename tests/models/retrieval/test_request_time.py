"""Time as the query tower reads it."""

import importlib

import numpy as np
import pytest

from models.retrieval.request_time import context, log_gap

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")
HOUR = 3_600_000_000


def gap(later: int, earlier: int, exists: bool = True) -> float:
    return float(log_gap(tf.constant([later], tf.int64), tf.constant([earlier], tf.int64), tf.constant([exists]))[0])


def test_no_earlier_watch_is_no_gap() -> None:
    assert gap(HOUR, 0, exists=False) == 0


def test_a_gap_is_never_negative_and_a_day_is_one() -> None:
    assert gap(0, HOUR) == 0
    assert gap(24 * HOUR, 0) == pytest.approx(1, abs=0.01)
    assert gap(HOUR, 0) == pytest.approx(np.log(3601) / 11.4)


def test_the_hour_goes_round_the_clock() -> None:
    """Midnight, six in the morning, noon, and six on another day."""
    times = tf.constant([0, 6 * HOUR, 12 * HOUR, 54 * HOUR], tf.int64)
    found = context(times, times - HOUR, tf.constant([True] * 4)).numpy()
    np.testing.assert_allclose(found[:, :2], [[0, 1], [1, 0], [0, -1], [1, 0]], atol=1e-4)
    np.testing.assert_allclose(found[:, 2], np.log(3601) / 11.4, rtol=1e-5)
