"""The multi-task network."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.settings.ranking import RankingSettings
from models.ranking.constants import NUM_AGES
from models.ranking.crosses import Crosses
from models.ranking.examples import HIDDEN_SLOT
from models.ranking.losses import Losses
from models.ranking.preprocessing import Preprocessing
from models.table import Table
from models.trainers.group import Group

DURATION = DENSE_FEATURES.index("video_duration_s")
#: Share of the trunk's inputs that each step of training hides.
_DROPOUT = 0.05


class Ranker(tfrs.models.Model):
    """Shared embeddings, cross layers, a mixture of experts with a gate per head, crosses of hour and device with topic
    and length, and a shallow tower for slot and device.

    Sources: Wang et al. 2021 (DCN-v2, section 3.1); Ma et al. 2018 (MMoE, section 4.2); Zhao et al. 2019 (dropout of
    gates, section 4.2; shallow tower, section 4.3).

    Attributes:
      draws: seed and step, [2]; what training draws follows from them alone, so that a step which is taken again after
        a kill draws the same.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        mean_watch_s: float,
        settings: RankingSettings,
        group: Group | None = None,
    ) -> None:
        """`mean_watch_s` of the positives scales the weights of the watch-time head; `group` may divide the tables of
        videos and channels."""
        super().__init__()
        width, experts, hidden, out, heads = 16, 4, 64, 32, len(TARGETS)
        self._position = settings.position
        self._slot_dropout, self._gate_dropout = settings.slot_dropout, settings.gate_dropout
        self._experts, self._out = experts, out

        self._num_topics = preprocessing.topics.size
        corners = preprocessing.corners
        self._low, self._width = corners[:, :-1], corners[:, 1:] - corners[:, :-1]
        self.wide = tf.keras.layers.Dense(heads, use_bias=False, kernel_initializer="zeros")

        def normal() -> Any:
            return tf.keras.initializers.RandomNormal(stddev=0.05)

        def table(size: int, width: int) -> Any:
            return tf.keras.layers.Embedding(size, width, embeddings_initializer=normal())

        self.video = Table(preprocessing.videos.size, width, normal(), group or Group())
        self.channel = Table(preprocessing.channels.size, width, normal(), group or Group())
        self.topic = table(preprocessing.topics.size, width)
        self.language, self.country = table(preprocessing.languages.size, 4), table(preprocessing.countries.size, 4)
        self.device, self.age = table(preprocessing.devices.size, 4), table(NUM_AGES, 4)
        self.attention = tf.keras.layers.Dense(width, use_bias=False)
        self.draws = tf.Variable([0, 0], dtype=tf.int64, trainable=False, name="draws")
        self.cross = [tfrs.layers.dcn.Cross(projection_dim=32, kernel_initializer="he_normal") for _ in range(2)]
        self.expert_hidden = tf.keras.layers.Dense(experts * hidden)
        self.expert_out = self.add_weight(name="expert_out", shape=[experts, hidden, out], initializer="glorot_uniform")
        self.gate = tf.keras.layers.Dense(heads * experts)
        self.head = self.add_weight(name="head", shape=[heads, out], initializer="glorot_uniform")
        self.head_bias = self.add_weight(name="head_bias", shape=[heads], initializer="zeros")
        if self._position == "tower":
            self.slot_shallow = tf.keras.layers.Embedding(HIDDEN_SLOT + 1, heads, embeddings_initializer="zeros")
        elif self._position == "feature":
            self.slot = table(HIDDEN_SLOT, 8)
        self.device_shallow = tf.keras.layers.Embedding(
            preprocessing.devices.size, heads, embeddings_initializer="zeros"
        )
        self.crosses = Crosses(preprocessing.topics.size, preprocessing.countries.size, preprocessing.devices.size)
        self._cross_entropy = Losses(settings.negative_rate, mean_watch_s)

    @property
    def undecayed(self) -> list[Any]:
        """Layers whose weights are the effect of a slot, of a device, or of two things together. Pulled towards nothing
        the first slots promise too little, and topics forget when they are watched."""
        return [self.crosses, self.device_shallow, *([self.slot_shallow] if self._position == "tower" else [])]

    def call(self, codes: dict[str, Any], training: bool = False) -> Any:
        """Codes of n candidates (viewer columns n or 1 rows) -> logits [n, len(TARGETS)]."""
        num = tf.shape(codes["video"])[0]

        def spread(column: Any) -> Any:
            return tf.broadcast_to(column, tf.concat([[num], tf.shape(column)[1:]], axis=0))

        item = self.video(codes["video"]) + self.channel(codes["channel"]) + self.topic(codes["topic"])
        tastes, topics = codes["tastes"], self.topic_table()
        mean = self.mean_taste(tastes, topics)
        side = self.side_topics(codes["side_topics"])
        focus = self.focus(item, side, tastes, topics)
        pieces = self.pieces(codes["dense"])
        x0 = tf.concat(
            [
                codes["dense"],
                self.quantiles(pieces),
                item,
                focus,
                item * mean,
                item * focus,
                side,
                side * mean,
                self.language(codes["language"]),
                spread(self.viewer(mean, codes)),
                *self._slot_features(codes["slot"]),
            ],
            axis=1,
        )
        if training:
            x0 = tf.nn.experimental.stateless_dropout(x0, _DROPOUT, self._seed(0), rng_alg="philox")
        x = x0
        for layer in self.cross:
            x = layer(x0, x)
        logits = self.mixed(self.expert_hidden(x), self.gate(x), training)
        logits += self.wide(tf.reshape(pieces, [num, -1]))
        device = spread(codes["device"])
        context = self.crosses.context(codes["hour"], spread(codes["country"]), device)
        logits += self.crosses(context, codes["topic"], device, codes["dense"][:, DURATION])
        if self._position == "tower":
            logits += self.slot_shallow(self._shallow_slot(codes["slot"], training))
        return logits + self.device_shallow(device)

    def topic_table(self) -> Any:
        """The embeddings of all topics, [topics, width]."""
        return self.topic(tf.range(self._num_topics))

    def mean_taste(self, tastes: Any, topics: Any) -> Any:
        """Mean embedding of what a viewer watched: weights [n, topics] -> [n, width]."""
        return tastes @ topics / (tf.reduce_sum(tastes, axis=1, keepdims=True) + 1.0)

    def side_topics(self, codes: Any) -> Any:
        """Sum of the embeddings of a candidate's other topics, [n, s] -> [n, width]."""
        # Code 0 is no topic, not one that all such videos share.
        beside = tf.cast(codes > 0, tf.float32)[:, :, None]
        return tf.reduce_sum(self.topic(codes) * beside, axis=1)

    def focus(self, item: Any, side: Any, tastes: Any, topics: Any) -> Any:
        """What a viewer watched, by how much it is like the candidate, [n, width]."""
        match = tf.matmul(self.attention(tf.concat([item, side], axis=1)), topics, transpose_b=True)
        share = tf.exp(tf.clip_by_value(match, -10.0, 10.0)) * tastes
        return share @ topics / (tf.reduce_sum(share, axis=1, keepdims=True) + 1.0)

    def viewer(self, mean: Any, codes: dict[str, Any]) -> Any:
        """What the trunk reads of the viewer alone, beside dense features."""
        return tf.concat(
            [
                mean,
                self.country(codes["country"]),
                self.language(codes["user_language"]),
                self.age(codes["age"]),
                self.device(codes["device"]),
            ],
            axis=1,
        )

    def pieces(self, dense: Any, columns: Any = slice(None)) -> Any:
        """How much of each piece between two corners lies below a dense feature: [n, d] of `columns` -> [n, d, pieces]
        from 0 to 1."""
        low, width = self.corners(columns)
        return tf.clip_by_value((dense[:, :, None] - low) / width, 0.0, 1.0)

    def corners(self, columns: Any = slice(None)) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where the pieces of some dense features begin, and their widths, [d, pieces] each."""
        return self._low.numpy()[columns], self._width.numpy()[columns] + np.float32(1e-4)

    def quantiles(self, pieces: Any) -> Any:
        """Place of each dense feature among those of training, -1 to 1: [n, d, pieces] -> [n, d]."""
        return 2.0 * tf.reduce_mean(pieces, axis=2) - 1.0

    def mixed(self, hidden: Any, gates: Any, training: bool = False) -> Any:
        """What the experts say, mixed by the gate of each head: the experts' first layer before it is rectified
        [n, experts * hidden], and the gates before they add up to one [n, experts * len(TARGETS)] -> logits [n,
        len(TARGETS)]."""
        each = tf.split(tf.nn.relu(hidden), self._experts, axis=1)
        experts = tf.stack([tf.nn.relu(h @ self.expert_out[e]) for e, h in enumerate(each)], axis=1)
        gates = tf.nn.softmax(tf.reshape(gates, [tf.shape(gates)[0], self._experts, len(TARGETS)]), axis=1)
        if training and self._gate_dropout:
            gates = kept_gates(gates, self._uniform(tf.shape(gates), 1) >= self._gate_dropout)
        # Each expert's answer for each head comes first: mixing the experts' vectors instead is as many tiny products.
        answers = tf.reshape(
            tf.matmul(tf.reshape(experts, [-1, self._out]), self.head, transpose_b=True), tf.shape(gates)
        )
        return tf.reduce_sum(gates * answers, axis=1) + self.head_bias

    def alone(self) -> Any:
        """What the shallow tower adds by device where a page is ranked and no slot is known, [devices,
        len(TARGETS)]."""
        logits = self.device_shallow.embeddings
        return logits + self.slot_shallow(tf.constant([HIDDEN_SLOT])) if self._position == "tower" else logits

    def hidden_slot_features(self) -> list[Any]:
        """`_slot_features` of a page that is ranked, one row."""
        return self._slot_features(tf.constant([HIDDEN_SLOT]))

    def _seed(self, use: int) -> Any:
        """Of what a step draws for one of three uses."""
        return self.draws * [1, 3] + [0, use]

    def _uniform(self, shape: Any, use: int) -> Any:
        return tf.random.stateless_uniform(shape, self._seed(use), alg="philox")

    def _shallow_slot(self, slot: Any, training: bool) -> Any:
        """Slot that the shallow tower reads; in training some are hidden, so that it learns what to say of none."""
        if not training or not self._slot_dropout:
            return slot
        hidden = self._uniform(tf.shape(slot), 2) < self._slot_dropout
        return tf.where(hidden, HIDDEN_SLOT * tf.ones_like(slot), slot)

    def _slot_features(self, slot: Any) -> list[Any]:
        """The slot as one more feature of the trunk; a page that is ranked has none yet and is given the first, as is
        usual where position is a feature."""
        if self._position != "feature":
            return []
        return [self.slot(tf.where(slot == HIDDEN_SLOT, tf.zeros_like(slot), slot))]

    def compute_loss(self, inputs: tuple[dict[str, Any], dict[str, Any], Any], training: bool = False) -> Any:
        """`Losses` of one step.

        Args:
          inputs: codes, labels by target [n], and the weight of each exposure [n].
          training: whether dropout is on.
        """
        codes, labels, weight = inputs
        return self._cross_entropy(self(codes, training=training), labels, weight)


def kept_gates(gates: Any, kept: Any) -> Any:
    """Gates [n, experts, heads] without those that are not `kept`, made to sum to one again; as they were where none is
    kept.

    Source: Zhao et al. 2019, section 4.2: a head must not come to rest on one expert.
    """
    rest = tf.where(kept, gates, tf.zeros_like(gates))
    return tf.where(
        tf.reduce_any(kept, axis=1, keepdims=True), rest / (tf.reduce_sum(rest, axis=1, keepdims=True) + 1e-9), gates
    )
