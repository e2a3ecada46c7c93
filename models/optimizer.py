"""Adam whose work in an embedding table is that of the rows a step touched, not that of the whole table."""

from typing import Any

import tensorflow as tf

from models.row_sums import row_sums


class LazyAdam(tf.keras.optimizers.legacy.Adam):
    """Adam that leaves a row of a table, and its moments, as they are in a step that did not read it.

    Keras' own sparse update decays both moments of every row and moves every row by them, which reads and writes the
    table three times in each step and is most of a step's time when the catalogue is large. Here moments decay only
    when their row is touched: a row that is rarely read keeps the momentum of the last time. Dense weights, and a table
    whose every row is touched, are updated exactly as by Adam.

    Sources: Kingma and Ba 2015, "Adam"; the lazy form is that of `torch.optim.SparseAdam` ("masked" Adam) and of
    TensorFlow Addons' `LazyAdam`, which shares the count of steps between all rows, as here.
    """

    def __init__(self, learning_rate: Any = 0.001, name: str = "LazyAdam", **options: Any) -> None:
        """`learning_rate` a number or a schedule; `options` as for Keras' Adam, without `amsgrad`.

        Raises:
          ValueError: `amsgrad` is asked for.
        """
        if options.get("amsgrad"):
            raise ValueError("LazyAdam keeps no largest second moment: leave amsgrad out")
        super().__init__(learning_rate, name=name, **options)

    def _resource_apply_sparse_duplicate_indices(self, grad: Any, handle: Any, indices: Any, **options: Any) -> Any:
        """Gradients of one row are summed, then the row is updated once."""
        row, place = tf.unique(indices)
        num, shape = tf.shape(row)[0], handle.shape[1:]
        summed = row_sums(tf.reshape(grad, [-1, shape.num_elements()]), place, num)
        return self._resource_apply_sparse(tf.reshape(summed, [num, *shape]), handle, row, **options)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any, apply_state: Any = None) -> Any:
        """Update the rows `indices` [n], distinct, of `var` by `grad` [n, ...]."""
        place = (var.device, var.dtype.base_dtype)
        rate = (apply_state or {}).get(place) or self._fallback_apply_state(*place)
        first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
        mean = rate["beta_1_t"] * tf.gather(first, indices) + rate["one_minus_beta_1_t"] * grad
        square = rate["beta_2_t"] * tf.gather(second, indices) + rate["one_minus_beta_2_t"] * tf.square(grad)
        moved = tf.gather(var, indices) - rate["lr"] * mean / (tf.sqrt(square) + rate["epsilon"])
        # In place: assigning a table that was read copies all of it. Rows are written, not subtracted from: that takes
        # TensorFlow ten times as long.
        return tf.group(
            tf.raw_ops.ResourceScatterUpdate(resource=first.handle, indices=indices, updates=mean),
            tf.raw_ops.ResourceScatterUpdate(resource=second.handle, indices=indices, updates=square),
            tf.raw_ops.ResourceScatterUpdate(resource=var.handle, indices=indices, updates=moved),
        )
