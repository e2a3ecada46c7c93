"""The sampled softmax of a step: what `tfrs.tasks.Retrieval` computes, in fewer passes over the logits."""

from typing import Any

import tensorflow as tf

_REMOVED = -1e9


def sampled_softmax(queries: Any, columns: Any, add: Any, ids: Any, users: Any, weight: Any) -> Any:
    """Weighted sum of the cross-entropy of the watches of a step.

    The logits are the largest array of a step, far larger than the towers. `tfrs.tasks.Retrieval` makes one-hot labels
    and eight further arrays of that size, and its cross-entropy takes five times as long on a processor as a softmax;
    here what belongs to a column goes into the product, both masks of pairs are one, and the gradient, which needs the
    softmax only, is written out.

    Args:
      queries: [q, d], the last component 1.
      columns: [q + g, d]; column i < q is what query i watched.
      add: [q + g] added to the logits of a column: minus log-Q; a very small number where there is no such video.
      ids: [q + g] row of the video of each column; another column of the watched video is an accidental hit.
      users: [q] viewer. What the same viewer watched elsewhere in the step is not a negative: it is drawn far more
        often than log-Q assumes.
      weight: [q].

    Sources: Yi et al. 2019, section 3 (log-Q); `tensorflow_recommenders.tasks.Retrieval`, which a test compares with.
    """
    num = tf.shape(queries)[0]
    shifted = tf.concat([columns[:, :-1], (columns[:, -1] + add)[:, None]], axis=1)
    # Ids and users as small numbers compare in half the time of 64-bit keys.
    _, user = tf.unique(users)
    video = tf.cast(ids, tf.int32)
    place = tf.range(num)
    same = video[:num, None] == video[None, :]
    mine = user[:, None] == user[None, :]
    removed = tf.concat([same[:, :num] | mine, same[:, num:]], axis=1)
    removed = tf.tensor_scatter_nd_update(removed, tf.stack([place, place], axis=1), tf.zeros([num], tf.bool))
    return tf.reduce_sum(_cross_entropy(queries, shifted, removed) * weight)


@tf.custom_gradient
def _cross_entropy(queries: Any, columns: Any, removed: Any) -> Any:
    """Cross-entropy [q] of column i for query i among the columns that are not removed [q, c]."""
    own = columns[: tf.shape(queries)[0]]
    logits = tf.where(removed, _REMOVED, tf.matmul(queries, columns, transpose_b=True))
    share = tf.nn.softmax(logits)
    # The largest share is one over the sum of exponentials, from which the logarithm of that sum follows.
    total = tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(share, axis=1))

    def gradient(weight: Any) -> tuple[Any, Any, None]:
        weighted = queries * weight[:, None]
        of_queries = weight[:, None] * (tf.matmul(share, columns) - own)
        of_columns = tf.matmul(share, weighted, transpose_a=True)
        nothing = tf.zeros_like(columns[tf.shape(queries)[0] :])
        return of_queries, of_columns - tf.concat([weighted, nothing], axis=0), None

    return total - tf.reduce_sum(queries * own, axis=1), gradient
