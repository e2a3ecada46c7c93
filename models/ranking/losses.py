"""What a step of training makes smaller: the cross-entropy of every head."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from homefeed.features import TARGETS

#: Weight of each head in the loss; the others share the trunk that the watched head shapes.
_WEIGHTS = {
    "watched": 1.0,
    "watch_s": 0.2,
    "completion": 0.3,
    "liked": 0.1,
    "subscribed": 0.05,
    "shared": 0.05,
    "dismissed": 0.1,
}


class Losses:
    """Weighted sum over the heads of the mean cross-entropy of one step.

    `watched` is learned on the sample as it is (its log-odds are corrected later), `watch_s` with the seconds as
    weights of the positives, the rest with the weights of the exposures.

    Source: Covington et al. 2016 (weighted logistic watch time, section 4.2).
    """

    def __init__(self, negative_rate: float, mean_watch_s: float) -> None:
        """`negative_rate` of missed exposures are in the sample; `mean_watch_s` of the positives scales the weights of
        the watch-time head."""
        self._negative_rate, self._mean_watch_s = negative_rate, mean_watch_s
        self._of = {
            target: tfrs.tasks.Ranking(loss=tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum"))
            for target in TARGETS
        }

    def __call__(self, logits: Any, labels: Mapping[str, Any], weight: Any) -> Any:
        """Logits [n, len(TARGETS)], labels by target [n], and the weight of each exposure [n] -> a number."""
        num = tf.cast(tf.shape(weight)[0], tf.float32)
        each = weight / tf.reduce_mean(weight)
        # Missed exposures that were dismissed are all kept; here they count as if they had been sampled like the
        # others.
        sampled = weight * self._negative_rate
        total = 0.0
        for column, target in enumerate(TARGETS):
            label = labels[target]
            importance = each
            if target == "watched":
                importance = tf.where(label > 0, tf.ones_like(label), sampled)
            if target == "watch_s":
                importance = tf.where(labels["watched"] > 0, label / self._mean_watch_s, sampled)
                label = labels["watched"]
            if target == "completion":
                importance = tf.where(tf.math.is_nan(label), tf.zeros_like(label), importance)
                label = tf.where(tf.math.is_nan(label), tf.zeros_like(label), label)
            loss = self._of[target](
                labels=label[:, None],
                predictions=logits[:, column : column + 1],
                sample_weight=importance,
                compute_metrics=False,
            )
            total += _WEIGHTS[target] * loss / num
        return total
