"""Averaged weights: an exponential moving average over the steps of training, which is better than any one step."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray


class Average:
    """The average of a model's weights; inside `with average:` the model has them, outside its own.

    Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization"; the exponential
    form is Polyak's as TensorFlow documents it for `tf.train.ExponentialMovingAverage`.
    """

    def __init__(self, model: Any, steps: float) -> None:
        """`steps` that the average remembers; 0 averages nothing."""
        self._model, self._steps = model, steps
        self._count = tf.Variable(0.0, trainable=False)
        self._kept: list[Any] = []
        self._own: list[Any] = []

    def update(self) -> None:
        """Take the weights of one more step; part of the step's graph."""
        if not self._steps:
            return
        weights = self._model.trainable_variables
        if not self._kept:
            with tf.init_scope():
                self._kept = [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in weights]
        self._count.assign_add(1.0)
        # In the first steps the plain mean of those there are.
        share = tf.maximum(1.0 / self._count, 1.0 / self._steps)
        for kept, weight in zip(self._kept, weights, strict=True):
            kept.assign_add(share * (weight - kept))

    def restart(self) -> None:
        """Forget the weights of the steps so far."""
        self._count.assign(0.0)

    def state(self) -> dict[str, NDArray[Any]]:
        """What `restore` goes on from."""
        return {"count": self._count.numpy()} | {str(place): kept.numpy() for place, kept in enumerate(self._kept)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a `state` of a model of the same weights."""
        self._count.assign(state["count"])
        self._kept = [tf.Variable(state[str(place)], trainable=False) for place in range(len(state) - 1)]

    def __enter__(self) -> None:
        self._own = [weight.numpy() for weight in self._model.trainable_variables] if self._kept else []
        for kept, weight in zip(self._kept, self._model.trainable_variables, strict=bool(self._kept)):
            weight.assign(kept)

    def __exit__(self, *_: object) -> None:
        for own, weight in zip(self._own, self._model.trainable_variables, strict=bool(self._own)):
            weight.assign(own)
