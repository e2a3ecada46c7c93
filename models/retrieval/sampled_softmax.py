"""The sampled softmax of a step: what `tfrs.tasks.Retrieval` computes, in fewer passes over the logits."""

from typing import Any

import tensorflow as tf

_REMOVED = -1e9


def sampled_softmax(queries: Any, place: Any, columns: Any, add: Any, ids: Any, users: Any, weight: Any) -> Any:
    """Weighted sum of the cross-entropy of the watches of a step.

    The logits are the largest array of a step, far larger than the towers. `tfrs.tasks.Retrieval` makes one-hot labels
    and eight further arrays of that size, and its cross-entropy takes five times as long on a processor as a softmax;
    here what belongs to a column goes into the product, both masks of pairs are one, and the gradient, which needs the
    softmax only, is written out.

    Args:
      queries: [q, d], the last component 1.
      place: [q] column of what each query watched.
      columns: [w + g, d] of the w watches of the step, and of g videos that were sampled.
      add: [w + g] added to the logits of a column: minus log-Q; a very small number where there is no such video.
      ids: [w + g] row of the video of each column; another column of the watched video is an accidental hit.
      users: [w] viewer. What the same viewer watched elsewhere in the step is not a negative: it is drawn far more
        often than log-Q assumes.
      weight: [q].

    Sources: Yi et al. 2019, section 3 (log-Q); `tensorflow_recommenders.tasks.Retrieval`, which a test compares with.
    """
    shifted = tf.concat([columns[:, :-1], (columns[:, -1] + add)[:, None]], axis=1)
    # Ids and users as small numbers compare in half the time of 64-bit keys.
    _, user = tf.unique(users)
    video = tf.cast(ids, tf.int32)
    same = tf.gather(video, place)[:, None] == video[None, :]
    mine = tf.gather(user, place)[:, None] == user[None, :]
    watches = tf.shape(users)[0]
    removed = tf.concat([same[:, :watches] | mine, same[:, watches:]], axis=1)
    own = tf.stack([tf.range(tf.shape(place)[0]), place], axis=1)
    removed = tf.tensor_scatter_nd_update(removed, own, tf.zeros_like(place, tf.bool))
    return tf.reduce_sum(_cross_entropy(queries, place, shifted, removed) * weight)


@tf.custom_gradient
def _cross_entropy(queries: Any, place: Any, columns: Any, removed: Any) -> Any:
    """Cross-entropy [q] of the column at each query's place among the columns that are not removed [q, c]."""
    own = tf.gather(columns, place)
    logits = tf.where(removed, _REMOVED, tf.matmul(queries, columns, transpose_b=True))
    share = tf.nn.softmax(logits)
    # The largest share is one over the sum of exponentials, from which the logarithm of that sum follows.
    total = tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(share, axis=1))

    def gradient(weight: Any) -> tuple[Any, None, Any, None]:
        weighted = queries * weight[:, None]
        of_queries = weight[:, None] * (tf.matmul(share, columns) - own)
        of_columns = tf.matmul(share, weighted, transpose_a=True)
        return of_queries, None, tf.tensor_scatter_nd_sub(of_columns, place[:, None], weighted), None

    return total - tf.reduce_sum(queries * own, axis=1), gradient
