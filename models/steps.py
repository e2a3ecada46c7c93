"""Many steps of training as one graph over columns that lie in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from models.row_sums import row_sums

#: A table of at most this many rows is updated whole: that is a few plain sums, and less than finding the rows.
_WHOLE_ROWS = 8192


class Steps:
    """Steps of an optimizer on batches gathered from columns.

    Python is left once for many steps, and a batch is one gather per column. The gradient of a large table stays one of
    the rows that were read, which `LazyAdam` updates in place.
    """

    def __init__(
        self,
        loss: Callable[[Any], Any],
        weights: Sequence[Any],
        optimizer: Any,
        columns: Any,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        """What is learned, and from what.

        Args:
          loss: mean loss of a batch, which has the structure of `columns` with n rows each.
          weights: variables that are learned.
          optimizer: a Keras optimizer.
          columns: tensors or arrays in any structure, all with the same number of rows.
          after: graph work after each step.
        """
        self._loss, self._weights, self._optimizer, self._after = loss, list(weights), optimizer, after
        self._columns = tf.nest.map_structure(tf.convert_to_tensor, columns)

    @tf.function(reduce_retracing=True)
    def __call__(self, order: Any) -> Any:
        """Take one step for each row of `order` [steps, n], which holds rows of the columns; the mean of their losses
        before each."""
        total = tf.zeros([])
        for rows in order:
            batch = tf.nest.map_structure(lambda column, at=rows: tf.gather(column, at), self._columns)
            with tf.GradientTape() as tape:
                loss = self._loss(batch)
            slopes = zip(tape.gradient(loss, self._weights), self._weights, strict=True)
            self._optimizer.apply_gradients([(_slope(slope, weight), weight) for slope, weight in slopes])
            self._after()
            total += loss
        return total / tf.cast(tf.shape(order)[0], tf.float32)


def _slope(slope: Any, table: Any) -> Any:
    """A gradient, that of a small table as a whole table."""
    if not isinstance(slope, tf.IndexedSlices) or table.shape[0] > _WHOLE_ROWS:
        return slope
    values = tf.reshape(slope.values, [-1, table.shape[1:].num_elements()])
    return tf.reshape(row_sums(values, tf.reshape(slope.indices, [-1]), table.shape[0]), table.shape)
