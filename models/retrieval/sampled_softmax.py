"""The sampled softmax of a step: what `tfrs.tasks.Retrieval` computes, in fewer passes over the logits."""

from typing import Any

import tensorflow as tf

from models.graph import graph

_REMOVED = -1e9
#: Queries at a time: their logits stay in the processor's cache from the product to its gradients.
_BLOCK = 256


def sampled_softmax(queries: Any, place: Any, columns: Any, add: Any, ids: Any, users: Any, weight: Any) -> Any:
    """Weighted sum of the cross-entropy of the watches of a step.

    The logits are the largest array of a step, far larger than the towers. `tfrs.tasks.Retrieval` makes one-hot labels
    and eight further arrays of that size, and its cross-entropy takes five times as long on a processor as a softmax;
    here what belongs to a column goes into the product, and no array of that size is ever whole: the loss is a sum over
    queries, so both gradients of a block of them are known as soon as its logits are.

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
    # Ids and users as small numbers compare in half the time of 64-bit keys. Nobody is the viewer of a sampled video.
    _, user = tf.unique(users)
    user = tf.pad(user, [[0, tf.size(ids) - tf.size(users)]], constant_values=-1)
    return _cross_entropy(queries, place, shifted, tf.cast(ids, tf.int32), user, weight)


@tf.custom_gradient
def _cross_entropy(queries: Any, place: Any, columns: Any, video: Any, user: Any, weight: Any) -> Any:
    """Sum over the queries, by `weight`, of the cross-entropy of the column at each one's place among those of other
    videos and viewers."""
    num = tf.maximum(-(-tf.size(place) // _BLOCK), 1)
    each = -(-tf.size(place) // num)
    missing = num * each - tf.size(place)
    padded = tf.pad(queries, [[0, missing], [0, 0]]), tf.pad(place, [[0, missing]]), tf.pad(weight, [[0, missing]])

    def block(number: Any, total: Any, of_queries: Any, of_columns: Any) -> Any:
        part, at, importance = (every[number * each : (number + 1) * each] for every in padded)
        own = tf.gather(columns, at)
        own_logit = tf.reduce_sum(part * own, axis=1)
        logits = tf.matmul(part, columns, transpose_b=True)
        logits = _others(logits, tf.gather(video, at), video, tf.gather(user, at), user)
        top = tf.maximum(tf.reduce_max(logits, axis=1), own_logit)
        others, own_part = tf.exp(logits - top[:, None]), tf.exp(own_logit - top)
        partition = tf.reduce_sum(others, axis=1) + own_part
        total += tf.reduce_sum((tf.math.log(partition) + top - own_logit) * importance)
        scale = (importance / partition)[:, None]
        of_own = (scale[:, 0] * own_part - importance)[:, None]
        of_queries = of_queries.write(number, scale * tf.matmul(others, columns) + of_own * own)
        of_columns += tf.matmul(others, scale * part, transpose_a=True)
        return number + 1, total, of_queries, tf.tensor_scatter_nd_add(of_columns, at[:, None], of_own * part)

    rows = tf.TensorArray(tf.float32, num, element_shape=[None, queries.shape[1]])
    start = 0, tf.zeros([]), rows, tf.zeros_like(columns)
    _, total, rows, of_columns = tf.while_loop(lambda number, *_: number < num, block, start, parallel_iterations=1)
    of_queries = tf.ensure_shape(rows.concat()[: tf.size(place)], queries.shape)

    def gradient(upstream: Any) -> Any:
        return upstream * of_queries, None, upstream * of_columns, None, None, None

    return total, gradient


# Compiled, so that which pairs are left out is no array of its own.
@graph(jit_compile=True)
def _others(logits: Any, own_video: Any, video: Any, own_user: Any, user: Any) -> Any:
    """Logits [n, w + g] without those of the same video or viewer as each query's."""
    same = (own_video[:, None] == video[None, :]) | (own_user[:, None] == user[None, :])
    return tf.where(same, _REMOVED, logits)
