"""The softmax over a whole catalogue as one operation that keeps one matrix for its gradient."""

from typing import Any

import tensorflow as tf

from models.graph import graph


def catalogue_softmax(queries: Any, videos: Any, own: Any, row: Any, exists: Any, kind: Any) -> Any:
    """Surprise, in nats, of each query's watched video among all videos that exist.

    Logits, their exponentials and the gradient of both sides come from one matrix [n, v] of `kind`; TensorFlow's own
    softmax keeps three of float32.

    Args:
      queries: [n, w].
      videos: [v, w] of the catalogue.
      own: [n] logit of the watched video, which replaces that of its row in `videos`.
      row: [n] row of the watched video.
      exists: [1 or n, v] False for a video that is no negative.
      kind: type of the products with the matrix; sums are float32.

    Returns:
      [n] of float32.
    """

    @tf.custom_gradient
    def surprise(queries: Any, videos: Any, own: Any) -> Any:
        narrow, columns = tf.cast(queries, kind), tf.cast(videos, kind)
        logits = tf.cast(tf.matmul(narrow, columns, transpose_b=True), tf.float32)
        top = tf.maximum(tf.reduce_max(logits, axis=1), own)
        others, total = _exponentials(logits, top, row, exists)
        others = tf.cast(others, kind)
        own_part = tf.exp(own - top)
        total += own_part

        def gradient(upstream: Any) -> Any:
            scale = (upstream / total)[:, None]
            by_query = tf.cast(tf.matmul(others, columns), tf.float32) * scale
            by_video = tf.matmul(others, tf.cast(queries * scale, kind), transpose_a=True)
            return by_query, tf.cast(by_video, tf.float32), upstream * (own_part / total - 1.0)

        return tf.math.log(total) + (top - own), gradient

    return surprise(queries, videos, own)


# Compiled, as one pass over the matrix instead of five; TensorFlow's own maximum and casts are the faster ones.
@graph(jit_compile=True)
def _exponentials(logits: Any, top: Any, row: Any, exists: Any) -> Any:
    """exp(logits - top) [n, v], 0 at the watched video and at what does not exist, and its sums [n]."""
    place = tf.range(tf.shape(logits)[1], dtype=row.dtype)
    is_negative = (place[None, :] != row[:, None]) & exists
    parts = tf.where(is_negative, tf.exp(logits - top[:, None]), 0.0)
    return parts, tf.reduce_sum(parts, axis=1)
