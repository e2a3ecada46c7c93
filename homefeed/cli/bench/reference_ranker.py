"""The reference network of `homefeed bench train-ranking`, and a log for it to learn."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from numpy.typing import NDArray

from models.table import Table
from models.trainers.group import Group

NUM_USERS, NUM_VIDEOS, WIDTH, HISTORY, NUM_DENSE = 1_000_000, 500_000, 32, 20, 40
HIDDEN = (256, 128)
#: Exponents of Zipf's law: the most watched hundredth of the videos has two thirds of the views.
_VIDEO_SKEW, _USER_SKEW = 1.0, 0.7
#: Share of the exposures that is watched, about.
_LOG_ODDS = -2.5


class ReferenceRanker(tfrs.models.Model):  # type: ignore[misc]
    """Embeddings of viewer, video and the mean of the history, and dense columns, under a multilayer perceptron, with
    `tfrs.tasks.Ranking` on top.

    Products are taken in `compute_type`; weights and sums are float32.
    """

    def __init__(
        self, *, reads_rows_once: bool = False, compute_type: Any = tf.float32, group: Group | None = None
    ) -> None:
        """`reads_rows_once` takes the mean of a history by `models.row_sums`, else by a lookup and `reduce_mean`;
        `group` may divide the tables."""
        super().__init__()
        self._reads_rows_once = reads_rows_once
        self.user, self.video = (
            Table(size, WIDTH, tf.keras.initializers.RandomUniform(), group or Group())
            for size in (NUM_USERS, NUM_VIDEOS)
        )
        self.video.build(None)
        self.hidden = [tf.keras.layers.Dense(size, activation="relu", dtype=policy(compute_type)) for size in HIDDEN]
        self.logit = tf.keras.layers.Dense(1)
        self.task = tfrs.tasks.Ranking(loss=tf.keras.losses.BinaryCrossentropy(from_logits=True))

    def call(self, columns: dict[str, Any]) -> Any:
        """Columns of n exposures -> logits [n, 1]."""
        history = columns["history"]
        past = self.video.mean(history) if self._reads_rows_once else tf.reduce_mean(self.video(history), axis=1)
        x = tf.concat([self.user(columns["user"]), self.video(columns["video"]), past, columns["dense"]], axis=1)
        for layer in self.hidden:
            x = layer(x)
        return self.logit(tf.cast(x, tf.float32))

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Mean cross-entropy of a batch."""
        return self.task(labels=inputs["watched"], predictions=self(inputs), compute_metrics=False)


def policy(compute_type: Any) -> Any:
    """Keras' policy for products in a type with weights in float32."""
    is_plain = compute_type == tf.float32
    return tf.keras.mixed_precision.Policy("float32" if is_plain else f"mixed_{compute_type.name}")


def log(num: int, seed: int) -> dict[str, NDArray[Any]]:
    """A log of `num` exposures whose viewers, videos and histories follow Zipf's law.

    Returns:
      `user`, `video` [num], `history` [num, HISTORY], `dense` [num, NUM_DENSE] and `watched` [num, 1], which follows
      from the dense columns and a hidden quality of the video.
    """
    random = np.random.default_rng(seed)
    video = _drawn(NUM_VIDEOS, num, _VIDEO_SKEW, random)
    dense = random.standard_normal((num, NUM_DENSE), np.float32)
    slope = random.normal(0, 1 / np.sqrt(NUM_DENSE), NUM_DENSE)
    odds = _LOG_ODDS + dense @ slope + random.standard_normal(NUM_VIDEOS)[video]
    return {
        "user": _drawn(NUM_USERS, num, _USER_SKEW, random),
        "video": video,
        "history": _drawn(NUM_VIDEOS, num * HISTORY, _VIDEO_SKEW, random).reshape(num, HISTORY),
        "dense": dense,
        "watched": (random.random(num) < 1 / (1 + np.exp(-odds))).astype(np.float32)[:, None],
    }


def _drawn(size: int, num: int, skew: float, random: np.random.Generator) -> NDArray[np.int32]:
    """`num` of `size` rows in no order of popularity."""
    total = np.cumsum(np.arange(1, size + 1) ** -skew)
    rank = np.searchsorted(total, random.random(num) * total[-1])
    rows = random.permutation(size).astype(np.int32)
    return np.asarray(rows[np.minimum(rank, size - 1)])
