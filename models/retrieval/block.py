"""One block of the query tower's transformer."""

from typing import Any

import tensorflow as tf

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.compute_type import compute_type
from models.retrieval.constants import NORM_EPSILON


class Block(tf.keras.layers.Layer):
    """Causal attention with a bias by distance, then a gated feed-forward layer, each normalised first and added.

    Sources: Kang and McAuley 2018, "Self-attentive sequential recommendation", section III; Raffel et al. 2020 (T5),
    section 2.1, for the bias; Shazeer 2020, "GLU variants improve transformer", for the gate.
    """

    def __init__(self, settings: RetrievalSettings) -> None:
        super().__init__()
        width, length, num_heads = settings.embedding_dim, settings.history_length, settings.num_heads
        # Rounded up, as a width need not be a multiple of the heads: `merge` brings it back.
        self._num_heads, self._head_width = num_heads, -(-width // num_heads)
        self._training_type = compute_type(settings)
        self.norm = tf.keras.layers.LayerNormalization(epsilon=NORM_EPSILON)
        self.project = tf.keras.layers.Dense(3 * num_heads * self._head_width, use_bias=False)
        self.merge = tf.keras.layers.Dense(width)
        self.distance = self.add_weight(name="distance", shape=[num_heads, length], initializer="zeros")
        self.norm_feed = tf.keras.layers.LayerNormalization(epsilon=NORM_EPSILON)
        self.feed = tf.keras.layers.Dense(4 * width)
        self.out = tf.keras.layers.Dense(width)
        self.dropout = tf.keras.layers.Dropout(settings.dropout)
        # `product` reads weights without calling the layer, which would make them.
        for dense, size in (
            (self.project, width),
            (self.merge, num_heads * self._head_width),
            (self.feed, width),
            (self.out, 2 * width),
        ):
            dense.build([None, size])

    def call(self, x: Any, distance: Any, visible: Any, training: bool = False) -> Any:
        """x [r, l, width], distance [l, l] between two places, visible [r, l, l] -> [r, l, width]."""
        kind = self._training_type if training else tf.float32
        rows, length = tf.shape(x)[0], tf.shape(x)[1]
        split = [rows, length, 3, self._num_heads, self._head_width]
        projected = product(self.project, self.norm(x), kind)
        query, key, value = tf.unstack(tf.transpose(tf.reshape(projected, split), [2, 0, 3, 1, 4]))
        bias = tf.gather(self.distance, distance, axis=1)
        score = tf.matmul(query * tf.cast(self._head_width**-0.5, kind), key, transpose_b=True)
        share = tf.cast(_shares(score, bias, visible), kind)
        seen = tf.transpose(tf.matmul(share, value), [0, 2, 1, 3])
        merged = product(self.merge, tf.reshape(seen, [rows, length, self._num_heads * self._head_width]), kind)
        x += self.dropout(tf.cast(merged, tf.float32), training=training)
        opened, gate = tf.split(product(self.feed, self.norm_feed(x), kind), 2, axis=-1)
        out = product(self.out, opened * tf.nn.silu(gate), kind)
        return x + self.dropout(tf.cast(out, tf.float32), training=training)


def product(dense: Any, x: Any, kind: Any) -> Any:
    """`dense` of x [..., n] computed in `kind`, which its result keeps."""
    if kind == tf.float32:
        return dense(x)
    flat = tf.matmul(tf.reshape(tf.cast(x, kind), [-1, x.shape[-1]]), tf.cast(dense.kernel, kind))
    if dense.use_bias:
        flat = tf.nn.bias_add(flat, tf.cast(dense.bias, kind))
    return tf.reshape(flat, tf.concat([tf.shape(x)[:-1], [dense.units]], axis=0))


def _shares(score: Any, bias: Any, visible: Any) -> Any:
    """Attention: score [r, h, l, l], bias [h, l, l], visible [r, l, l] -> [r, h, l, l] of float32."""
    return tf.nn.softmax(tf.where(visible[:, None], tf.cast(score, tf.float32) + bias[None], -1e9))
