"""The softmax over a catalogue by hand, and its gradient beside TensorFlow's own."""

import importlib
from typing import Any

import numpy as np
import pytest

from models.retrieval.catalogue_softmax import catalogue_softmax

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")


def by_hand(queries: Any, videos: Any, own: Any, row: Any, exists: Any) -> Any:
    """The same by TensorFlow's softmax: the logit of the watched video put into its place."""
    logits = tf.where(exists, tf.matmul(queries, videos, transpose_b=True), -1e9)
    place = tf.stack([tf.range(len(row), dtype=tf.int64), row], axis=1)
    logits = tf.tensor_scatter_nd_update(logits, place, own)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=row, logits=logits)


@pytest.mark.parametrize(("kind", "tolerance"), [(tf.float32, 1e-5), (tf.bfloat16, 0.02)])
def test_value_and_gradient_are_those_of_the_softmax(kind: Any, tolerance: float) -> None:
    random = np.random.default_rng(1)
    queries, videos = (tf.Variable(random.normal(size=(n, 8)), dtype=tf.float32) for n in (5, 7))
    own = tf.Variable(random.normal(size=5), dtype=tf.float32)
    row, exists = tf.constant([0, 6, 2, 2, 3], tf.int64), tf.constant(random.random((5, 7)) < 0.7)
    weight = tf.constant([1.0, 0.5, 0.0, 2.0, 1.0])
    found = []
    for loss, rest in ((by_hand, ()), (catalogue_softmax, (kind,))):
        with tf.GradientTape() as tape:
            values = loss(queries, videos, own, row, exists, *rest)
            mean = tf.reduce_sum(values * weight)
        found.append([values, *tape.gradient(mean, [queries, videos, own])])
    for expected, got in zip(*found, strict=True):
        assert got.dtype == tf.float32
        np.testing.assert_allclose(got, expected, atol=tolerance * float(tf.reduce_max(tf.abs(expected))))


def test_a_watched_video_alone_is_no_surprise_and_has_no_gradient() -> None:
    one, nothing = tf.Variable([[1.0]]), tf.constant([[False]])
    with tf.GradientTape() as tape:
        loss = catalogue_softmax(one, one, tf.constant([3.0]), tf.constant([0], tf.int64), nothing, tf.float32)
    assert float(loss[0]) == 0.0
    assert tape.gradient(loss, one).numpy().tolist() == [[0.0]]


def test_large_logits_stay_finite() -> None:
    """A thousand for the watched video and for another one: the surprise of one of two."""
    queries, videos = tf.constant([[1000.0]]), tf.constant([[1.0], [0.0], [1.0]])
    own, row, every = tf.constant([1000.0]), tf.constant([0], tf.int64), tf.constant([[True] * 3])
    assert float(catalogue_softmax(queries, videos, own, row, every, tf.float32)[0]) == pytest.approx(np.log(2))
