"""The lazy Adam on a table of three rows."""

import numpy as np
import pytest
import tensorflow as tf

import models  # noqa: F401
from models.optimizer import LazyAdam

RATE, EPSILON = 0.1, 1e-7


def sparse(values: list[list[float]], rows: list[int]) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([3, 2]))


def table() -> tf.Variable:
    return tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_an_empty_gradient_moves_nothing() -> None:
    weight = table()
    nothing = tf.IndexedSlices(tf.zeros([0, 2]), tf.zeros([0], tf.int32), tf.constant([3, 2]))
    LazyAdam(RATE).apply_gradients([(nothing, weight)])
    np.testing.assert_array_equal(weight, table())


def test_the_first_step_moves_touched_rows_by_the_step_size_and_no_other() -> None:
    weight = table()
    LazyAdam(RATE).apply_gradients([(sparse([[5.0, -0.5]], [1]), weight)])
    np.testing.assert_allclose(weight, [[1.0, 2.0], [2.9, 4.1], [5.0, 6.0]], atol=1e-5)


def test_gradients_of_one_row_count_once_as_their_sum() -> None:
    """Two gradients of 1 are one of 2: the moments are 0.1 * 2 and 0.001 * 4, not those of two steps."""
    weight, optimizer = table(), LazyAdam(RATE)
    optimizer.apply_gradients([(sparse([[1.0, 1.0], [1.0, 1.0]], [2, 2]), weight)])
    np.testing.assert_allclose(optimizer.get_slot(weight, "m"), [[0, 0], [0, 0], [0.2, 0.2]], rtol=1e-5)
    np.testing.assert_allclose(optimizer.get_slot(weight, "v"), [[0, 0], [0, 0], [0.004, 0.004]], rtol=1e-4)
    np.testing.assert_allclose(weight[2], [4.9, 5.9], atol=1e-5)


def test_a_row_keeps_its_moments_while_it_is_not_touched() -> None:
    """Row 0 in steps 1 and 3 with gradient 1: m = 0.9 * 0.1 + 0.1, v = 0.999 * 0.001 + 0.001; the corrections are those
    of step 3, as all rows share the count of steps."""
    weight, optimizer = table(), LazyAdam(RATE)
    for row in (0, 1):
        optimizer.apply_gradients([(sparse([[1.0, 1.0]], [row]), weight)])
    before = weight.numpy()
    np.testing.assert_allclose(before[0], [0.9, 1.9], atol=1e-5)
    optimizer.apply_gradients([(sparse([[1.0, 1.0]], [0]), weight)])
    step = RATE * (0.19 / (1 - 0.9**3)) / (np.sqrt(0.001999 / (1 - 0.999**3)) + EPSILON)
    np.testing.assert_allclose(weight[0], before[0] - step, rtol=1e-5)
    np.testing.assert_array_equal(weight[1:], before[1:])


def test_it_is_adam_where_every_row_is_touched() -> None:
    random = np.random.default_rng(3)
    lazy, dense = table(), table()
    ours, keras = LazyAdam(RATE), tf.keras.optimizers.legacy.Adam(RATE)
    for _ in range(20):
        gradient = random.normal(size=(3, 2)).astype(np.float32)
        ours.apply_gradients([(sparse(gradient[[2, 0, 1]].tolist(), [2, 0, 1]), lazy)])
        keras.apply_gradients([(tf.constant(gradient), dense)])
    np.testing.assert_allclose(lazy, dense, rtol=1e-4)


def test_it_learns_inside_a_graph_and_its_moments_are_saved_by_their_names() -> None:
    weight, optimizer = table(), LazyAdam(RATE)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tf.gather(weight, [0, 0, 2])))
        optimizer.minimize(loss, [weight], tape=tape)

    for _ in range(300):
        step()
    np.testing.assert_allclose(weight.numpy()[[0, 2]], 0, atol=0.02)
    np.testing.assert_array_equal(weight[1], [3.0, 4.0])
    assert set(optimizer.get_slot_names()) == {"m", "v"}


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="amsgrad"):
        LazyAdam(RATE, amsgrad=True)
