"""What the network reads: keys become codes and dense features become normalised columns, inside the graph."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES
from models.ranking.constants import LEAST_TASTE, NUM_AGES
from models.ranking.statistics import KEYS, Statistics, widened
from models.vocabulary import Vocabulary

_HOUR = [DENSE_FEATURES.index("hour_sin"), DENSE_FEATURES.index("hour_cos")]


class Preprocessing(tf.Module):
    """Keys -> codes and dense features -> normalised columns, inside the graph."""

    def __init__(self, statistics: Statistics) -> None:
        super().__init__(name="ranker_preprocessing")
        self.videos, self.channels, self.topics, self.languages, self.countries, self.devices = (
            Vocabulary(getattr(statistics, name), f"ranker_{name}") for name in KEYS
        )
        self.least, self.most = _kept(statistics.least), _kept(statistics.most)
        self.mean, self.deviation = _kept(statistics.mean), _kept(statistics.deviation)
        self.corners = _kept(statistics.corners)

    def _tastes(self, topics: Any, fractions: Any) -> Any:
        """Weight of each topic in the history, [n, topics]: every watch counts, a longer one for more."""
        weights = tf.cast(topics != 0, tf.float32) * (LEAST_TASTE + fractions)
        return tf.einsum("nht,nh->nt", tf.one_hot(self.topics(topics), self.topics.size), weights)

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Columns of `Inputs` as tensors -> name -> codes and numbers of the same rows."""
        return self.viewer(inputs) | {
            "dense": self.normalised(inputs["dense"]),
            "hour": tf.gather(inputs["dense"], _HOUR, axis=1),
            "video": self.videos(inputs["video"]),
            "channel": self.channels(inputs["channel"]),
            "topic": self.topics(inputs["topic"]),
            "side_topics": self.topics(inputs["side_topics"]),
            "language": self.languages(inputs["language"]),
            "slot": inputs["slot"],
        }

    def viewer(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Those columns that are of the viewer, without dense features."""
        age = inputs["age"]
        return {
            "device": self.devices(inputs["device"]),
            "country": self.countries(inputs["country"]),
            "user_language": self.languages(inputs["user_language"]),
            "age": tf.where(age < 0, tf.zeros_like(age), 1 + tf.minimum(age // 10, NUM_AGES - 2)),
            "tastes": self._tastes(inputs["history_topics"], inputs["history_fractions"]),
        }

    def normalised(self, dense: Any) -> Any:
        """Raw dense features [n, len(DENSE_FEATURES)] -> columns of `widened`, normalised."""
        return (tf.clip_by_value(widened(dense), self.least, self.most) - self.mean) / self.deviation

    def normalised_columns(self, wide: Any, columns: NDArray[np.int64]) -> Any:
        """Some `columns` of `widened`, normalised."""
        least, most, mean, deviation = (
            tf.gather(each, columns) for each in (self.least, self.most, self.mean, self.deviation)
        )
        return (tf.clip_by_value(wide, least, most) - mean) / deviation


def _kept(column: NDArray[np.float32]) -> Any:
    """Saved with the graph and not learned."""
    return tf.Variable(column, trainable=False)
