"""Many steps of training as one graph over columns that lie in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.graph import graph
from models.row_sums import row_sums
from models.trainers.group import Group
from models.trainers.owners import Owners

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
        group: Group | None = None,
        owners: Owners | None = None,
    ) -> None:
        """What is learned, and from what.

        Args:
          loss: mean loss of a batch, which has the structure of `columns` with n rows each.
          weights: variables that are learned.
          optimizer: a Keras optimizer.
          columns: tensors or arrays in any structure, all with the same number of rows.
          after: graph work after each step.
          group: trainers that take the same steps at the same time, each on its part of a batch; None is one alone.
          owners: of tables that the trainers divide; the first of `columns` are then codes by name. None of none.
        """
        self._group = group or Group()
        self._owners = owners or Owners(self._group, {})
        self._loss, self._weights, self._optimizer, self._after = loss, list(weights), optimizer, after
        self._columns = tf.nest.map_structure(tf.convert_to_tensor, columns)

    def __call__(self, order: NDArray[np.integer[Any]]) -> Any:
        """Take one step for each row of `order` [steps, n], which holds rows of the columns: of each batch this
        trainer's part. The mean of their losses before each."""
        # One graph for any number of steps: where a training was interrupted must not show in its numbers.
        steps = self._take.get_concrete_function(tf.TensorSpec([None, order.shape[1]], tf.int64))
        return steps(tf.constant(order, tf.int64))

    @graph
    def _take(self, order: Any) -> Any:
        num = tf.shape(order)[0]

        def take(step: Any, total: Any) -> tuple[Any, Any]:
            batch = tf.nest.map_structure(lambda column: tf.gather(column, order[step]), self._columns)
            loss, slopes = self._slopes(batch)
            self._optimizer.apply_gradients(zip(slopes, self._weights, strict=True))
            self._after()
            return step + 1, total + loss

        _, total = tf.while_loop(lambda step, _: step < num, take, (0, tf.zeros([])))
        return total / tf.cast(num, tf.float32)

    def _slopes(self, batch: Any) -> tuple[Any, list[Any]]:
        """Mean loss of a batch of all trainers, and its slopes by the weights."""
        places, sources, rows = list(self._owners.parts(self._weights)), list(self._weights), []
        if places:
            codes, pulled = self._owners.pull(batch[0])
            batch, rows = (codes, *batch[1:]), pulled.rows
            for place, own in zip(places, rows, strict=True):
                sources[place] = own
        with tf.GradientTape() as tape, self._owners.reading(rows):
            tape.watch(rows)
            # The mean of a batch is the sum of the trainers' parts of it.
            loss = self._loss(batch) / self._group.num
        slopes = tape.gradient(loss, sources)
        shared = [place for place in range(len(sources)) if place not in places]
        loss, sums = self._group.total(loss, [_slope(slopes[place], sources[place]) for place in shared])
        found = dict(zip(shared, sums, strict=True))
        if places:
            # One exchange waits for the others in a thread of TensorFlow's, which may have one: not two at a time.
            with tf.control_dependencies(tf.nest.flatten([loss, sums], expand_composites=True)):
                own = self._owners.push(pulled, [slopes[place] for place in places])
            found |= zip(places, own, strict=True)
        return loss, [found[place] for place in range(len(sources))]


def _slope(slope: Any, table: Any) -> Any:
    """A gradient, that of a small table as a whole table."""
    if not isinstance(slope, tf.IndexedSlices) or table.shape[0] > _WHOLE_ROWS:
        return slope
    values = tf.reshape(slope.values, [-1, table.shape[1:].num_elements()])
    return tf.reshape(row_sums(values, tf.reshape(slope.indices, [-1]), table.shape[0]), table.shape)
