"""Sums of rows against what can be added up by hand."""

import importlib

import numpy as np
import pytest

from models.row_sums import mean_rows, row_sums

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")


def test_no_rows_sum_to_nothing() -> None:
    assert row_sums(tf.zeros([0, 3]), tf.zeros([0], tf.int32), 2).numpy().tolist() == [[0, 0, 0], [0, 0, 0]]


def test_rows_of_one_place_are_added() -> None:
    summed = row_sums(tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.constant([2, 0, 2]), 4)
    assert summed.numpy().tolist() == [[3, 4], [0, 0], [6, 8], [0, 0]]


@pytest.mark.parametrize("width", [1, 16, 17, 40])
def test_every_width_is_summed_whole(width: int) -> None:
    random = np.random.default_rng(1)
    rows, places = random.integers(-9, 9, (50, width)).astype(np.float32), random.integers(0, 7, 50)
    expected = np.zeros((7, width), np.float32)
    np.add.at(expected, places, rows)
    np.testing.assert_array_equal(row_sums(tf.constant(rows), tf.constant(places), 7), expected)


def test_the_mean_of_rows_by_hand() -> None:
    table = tf.Variable([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]])
    assert mean_rows(table, tf.constant([[1, 2], [2, 2]])).numpy().tolist() == [[2, 4], [3, 6]]


def test_its_gradient_is_that_of_a_lookup_and_a_mean() -> None:
    random = np.random.default_rng(2)
    table = tf.Variable(random.normal(size=(9, 20)).astype(np.float32))
    index, pull = (
        tf.constant(random.integers(0, 9, (6, 4))),
        tf.constant(random.normal(size=(6, 20)).astype(np.float32)),
    )
    slopes = []
    for kind in ("rows", "lookup"):
        with tf.GradientTape() as tape:
            mean = mean_rows(table, index) if kind == "rows" else tf.reduce_mean(tf.gather(table, index), axis=1)
            loss = tf.reduce_sum(mean * pull)
        slopes.append(tf.convert_to_tensor(tape.gradient(loss, table)).numpy())
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-5, atol=1e-6)
