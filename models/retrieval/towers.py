"""The two towers. A vector's last component is the video's bias, which every query multiplies by one, so that a dot
product ranks and one index serves."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.block import Block
from models.retrieval.constants import AGE_BUCKET, NORM_EPSILON, NUM_AGES
from models.retrieval.initializer import normal


class CandidateTower(tf.keras.layers.Layer):
    """Content and what the moment adds (age, counts of watches), if side features are on -> [n, width + 1]."""

    def __init__(self, settings: RetrievalSettings) -> None:
        super().__init__()
        self.width = width = settings.embedding_dim
        self._side_features = settings.side_features
        self.hidden = tf.keras.layers.Dense(2 * width, activation="relu")
        self.change = tf.keras.layers.Dense(width)
        self.bias_hidden = tf.keras.layers.Dense(width, activation="relu")
        self.bias = tf.keras.layers.Dense(1)

    def call(self, content: Any, dynamic: Any) -> Any:
        """content [n, width], dynamic [n, NUM_DYNAMIC] -> [n, width + 1], the bias last."""
        if not self._side_features:
            return tf.concat([content, tf.zeros_like(content[:, :1])], axis=1)
        both = tf.concat([content, dynamic], axis=1)
        vector = tf.math.l2_normalize(content + self.change(self.hidden(both)), axis=1)
        return tf.concat([vector, self.bias(self.bias_hidden(both))], axis=1)

    def weights_by_name(self) -> Iterator[tuple[str, Any]]:
        """The weights as `page_candidates.PageCandidates` names them."""
        if self._side_features:
            for name in ("hidden", "change", "bias_hidden", "bias"):
                yield from _dense(name, getattr(self, name))


class QueryTower(tf.keras.layers.Layer):
    """A causal transformer over the history, then the viewer's profile and the moment -> [n, width + 1]."""

    def __init__(self, settings: RetrievalSettings, num_countries: int, num_languages: int) -> None:
        super().__init__()
        width, length = settings.embedding_dim, settings.history_length
        self._side_features, self._length = settings.side_features, length
        self.position = tf.keras.layers.Embedding(length, width, embeddings_initializer=normal(0.05))
        self.watch = tf.keras.layers.Dense(width)
        self.dropout = tf.keras.layers.Dropout(settings.dropout)
        self.blocks = [Block(settings) for _ in range(settings.num_layers)]
        self.norm = tf.keras.layers.LayerNormalization(epsilon=NORM_EPSILON)
        self.newcomer = self.add_weight(name="newcomer", shape=[width], initializer=normal(0.05))
        self.country = tf.keras.layers.Embedding(num_countries, 8)
        self.language = tf.keras.layers.Embedding(num_languages, 8)
        self.age = tf.keras.layers.Embedding(NUM_AGES + 1, 8)
        self.hidden = tf.keras.layers.Dense(2 * width, activation="relu")
        self.change = tf.keras.layers.Dense(width)
        if self._side_features:
            self.log_scale = self.add_weight(
                name="log_scale", shape=[], initializer=tf.keras.initializers.Constant(np.log(8.0))
            )

    def states(
        self, content: Any, fractions: Any, gaps: Any, *, position: Any, visible: Any, training: bool = False
    ) -> Any:
        """What is known after each watch.

        Args:
          content: [r, l, width] of the watched videos.
          fractions: [r, l] share that was watched.
          gaps: [r, l] `log_gap` to the watch before.
          position: [r, l] place in the viewer's run.
          visible: [r, l, l] True where the first may look at the second.
          training: whether dropout is on.

        Returns:
          [r, l, width].
        """
        x = content + self.position(position)
        if self._side_features:
            x += self.watch(tf.stack([fractions, gaps], axis=2))
        x = self.dropout(x, training=training)
        place = tf.range(tf.shape(content)[1])
        distance = tf.clip_by_value(place[:, None] - place[None, :], 0, self._length - 1)
        for block in self.blocks:
            x = block(x, distance, visible, training=training)
        return self.norm(x)

    def call(self, state: Any, has_history: Any, profile: dict[str, Any], context: Any) -> Any:
        """state [n, width], has_history [n], profile of codes [n], context [n, NUM_CONTEXT] -> query [n, width + 1],
        the last component one."""
        state = tf.where(has_history[:, None], state, tf.zeros_like(state) + self.newcomer)
        one = tf.ones_like(state[:, :1])
        if not self._side_features:
            return tf.concat([state, one], axis=1)
        known = [self.country(profile["country"]), self.language(profile["language"]), self.age(profile["age"])]
        change = self.change(self.hidden(tf.concat([state, *known, context], axis=1)))
        vector = tf.math.l2_normalize(state + change, axis=1) * tf.exp(self.log_scale)
        return tf.concat([vector, one], axis=1)

    def weights_by_name(self) -> Iterator[tuple[str, Any]]:
        """The weights as `page_query.PageQuery` names them; those of block i end in `_i`."""
        yield "position", tf.identity(self.position.embeddings)
        yield "newcomer", tf.identity(self.newcomer)
        yield from _norm("norm", self.norm)
        for number, block in enumerate(self.blocks):
            yield f"distance_{number}", tf.identity(block.distance)
            yield f"project_kernel_{number}", tf.identity(block.project.kernel)
            layers = [*_norm("norm", block.norm), *_norm("feed", block.norm_feed)]
            layers += [*_dense("merge", block.merge), *_dense("feed", block.feed), *_dense("out", block.out)]
            yield from ((f"{name}_{number}", weight) for name, weight in layers)
        if self._side_features:
            yield "log_scale", tf.identity(self.log_scale)
            for name, table in (("country", self.country), ("language", self.language), ("age", self.age)):
                yield name, tf.identity(table.embeddings)
            for name, layer in (("watch", self.watch), ("hidden", self.hidden), ("change", self.change)):
                yield from _dense(name, layer)


def _dense(name: str, layer: Any) -> Iterator[tuple[str, Any]]:
    yield f"{name}_kernel", tf.identity(layer.kernel)
    yield f"{name}_bias", tf.identity(layer.bias)


def _norm(name: str, layer: Any) -> Iterator[tuple[str, Any]]:
    yield f"{name}_gamma", tf.identity(layer.gamma)
    yield f"{name}_beta", tf.identity(layer.beta)


def age_bucket(age: Any) -> Any:
    """Age in years, -1 unknown, [n] -> code [n]: 0 unknown, then tens of years."""
    years = tf.cast(age, tf.int32)
    return tf.where(years < 0, tf.zeros_like(years), 1 + tf.minimum(years // AGE_BUCKET, NUM_AGES - 1))
