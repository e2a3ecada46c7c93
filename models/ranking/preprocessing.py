"""What the network reads: keys become codes and dense features become normalised columns, inside the graph."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from homefeed.features import DENSE_FEATURES, ENTITIES, SPANS
from models.ranking.examples import Inputs
from models.vocabulary import Vocabulary, frequent

#: Buckets of age: ten years each, and one for unknown.
NUM_AGES = 14
#: Least exposures of a video or a channel in training for an embedding of its own: at two watches in a hundred, fewer
#: are memorised rather than learned, while their aggregates say the same.
_LEAST_EXPOSURES = 400
#: Pseudo-counts of the smoothed rates: one watch in fifty impressions.
_PRIOR_WATCHES, _PRIOR_IMPRESSIONS = 1.0, 50.0
#: Pseudo-counts of the smoothed affinities: a third of a watch in five.
_PRIOR_LIKED, _PRIOR_HISTORY = 0.3, 5.0
#: Pieces between quantiles in which the effect of a dense feature is a straight line.
NUM_PIECES = 8


@dataclass(frozen=True)
class Vocabularies:
    """Vocabularies of the network's keys."""

    videos: Vocabulary
    channels: Vocabulary
    topics: Vocabulary
    languages: Vocabulary
    countries: Vocabulary
    devices: Vocabulary


def vocabularies_of(inputs: Inputs) -> Vocabularies:
    """Vocabularies of the keys in the training exposures."""
    return Vocabularies(
        Vocabulary(frequent(inputs.video, _LEAST_EXPOSURES), "ranker_videos"),
        Vocabulary(frequent(inputs.channel, _LEAST_EXPOSURES), "ranker_channels"),
        Vocabulary(frequent(inputs.topic, 1), "ranker_topics"),
        Vocabulary(frequent(np.concatenate([inputs.language, inputs.user_language]), 1), "ranker_languages"),
        Vocabulary(frequent(inputs.country, 1), "ranker_countries"),
        Vocabulary(frequent(inputs.device, 1), "ranker_devices"),
    )


class Preprocessing(tf.Module):
    """Keys -> codes and dense features -> normalised columns, inside the graph."""

    def __init__(self, inputs: Inputs) -> None:
        """Vocabularies, means and deviations of the training inputs."""
        super().__init__(name="ranker_preprocessing")
        vocabularies = vocabularies_of(inputs)
        self.videos, self.channels, self.topics = vocabularies.videos, vocabularies.channels, vocabularies.topics
        self.languages, self.countries, self.devices = (
            vocabularies.languages,
            vocabularies.countries,
            vocabularies.devices,
        )
        self._affinities = [DENSE_FEATURES.index(f"user_{k}_affinity") for k in ("topic", "channel", "language")]
        self._history_size = DENSE_FEATURES.index("history_size")
        self._impressions = [DENSE_FEATURES.index(f"{e}_impressions_{s}") for e in ENTITIES for s in SPANS]
        self._rated = [
            [DENSE_FEATURES.index(f"{e}_{measure}_{s}") for e in ENTITIES for s in SPANS]
            for measure in ("watches", "likes", "dismissals")
        ]
        random = np.random.default_rng(0)
        sample = inputs.dense[random.permutation(len(inputs.dense))[:100_000]]
        wide = self._widen(tf.constant(sample)).numpy()
        # Sums over a week grow with the log: beyond what training saw the network would only extrapolate.
        least, most = wide.min(axis=0), wide.max(axis=0)
        self.least, self.most = tf.Variable(least, trainable=False), tf.Variable(most, trainable=False)
        self.mean = tf.Variable(wide.mean(axis=0), trainable=False)
        # A flag that is rarely up has a tiny deviation; a tenth of the range keeps its one from drowning the rest.
        scale = np.maximum(np.maximum(wide.std(axis=0), (most - least) / 10), 1e-3)
        self.deviation = tf.Variable(scale.astype(np.float32), trainable=False)
        corners = np.quantile(wide, np.linspace(0, 1, NUM_PIECES + 1), axis=0).astype(np.float32).T
        self.corners = tf.Variable((corners - self.mean.numpy()[:, None]) / scale[:, None], trainable=False)

    def _widen(self, dense: Any) -> Any:
        """Logarithms of the features, and of the smoothed rates of watches, likes and dismissals per impression."""
        impressions = tf.gather(dense, self._impressions, axis=1)
        rates = [
            tf.math.log(tf.gather(dense, measure, axis=1) + _PRIOR_WATCHES)
            - tf.math.log(impressions + _PRIOR_IMPRESSIONS)
            for measure in self._rated
        ]
        size = dense[:, self._history_size, None]
        counts = tf.gather(dense, self._affinities, axis=1) * size
        tastes = [tf.math.log1p(counts), tf.math.log((counts + _PRIOR_LIKED) / (size + _PRIOR_HISTORY))]
        return tf.concat([tf.sign(dense) * tf.math.log1p(tf.abs(dense)), *rates, *tastes], axis=1)

    def _tastes(self, topics: Any, fractions: Any) -> Any:
        """Weight of each topic in the history, [n, topics]: every watch counts, a longer one for more."""
        weights = tf.cast(topics != 0, tf.float32) * (0.1 + fractions)
        return tf.einsum("nht,nh->nt", tf.one_hot(self.topics(topics), self.topics.size), weights)

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Columns of `Inputs` as tensors -> name -> codes and numbers of the same rows."""
        age = inputs["age"]
        return {
            "dense": (tf.clip_by_value(self._widen(inputs["dense"]), self.least, self.most) - self.mean)
            / self.deviation,
            "video": self.videos(inputs["video"]),
            "channel": self.channels(inputs["channel"]),
            "topic": self.topics(inputs["topic"]),
            "side_topics": self.topics(inputs["side_topics"]),
            "language": self.languages(inputs["language"]),
            "slot": inputs["slot"],
            "device": self.devices(inputs["device"]),
            "country": self.countries(inputs["country"]),
            "user_language": self.languages(inputs["user_language"]),
            "age": tf.where(age < 0, tf.zeros_like(age), 1 + tf.minimum(age // 10, NUM_AGES - 2)),
            "tastes": self._tastes(inputs["history_topics"], inputs["history_fractions"]),
        }
