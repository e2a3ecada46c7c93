"""A training goes on where the last one stopped, also when its tables have grown."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import restore_checkpoint, save_checkpoint

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")


class Model(tf.Module):
    def __init__(self, rows: int, width: int = 2) -> None:
        super().__init__()
        self.table = tf.Variable(np.arange(rows * width).reshape(rows, width), dtype=tf.float32)
        self.scale = tf.Variable(1.0)

    @property
    def trainable_variables(self) -> list:  # type: ignore[type-arg]
        return [self.table, self.scale]


def trained(model: Model):  # type: ignore[no-untyped-def]
    adam = tf.keras.optimizers.legacy.Adam(0.1)
    for _ in range(3):
        adam.apply_gradients([(tf.ones_like(v), v) for v in model.trainable_variables])
    return adam


def test_weights_moments_and_steps_come_back_and_new_rows_are_like_an_unknown_one(tmp_path: Path) -> None:
    old = Model(3)
    adam = trained(old)
    save_checkpoint(tmp_path, old, adam)
    new, again = Model(5), tf.keras.optimizers.legacy.Adam(0.1)
    restore_checkpoint(tmp_path, new, again)
    np.testing.assert_allclose(new.table[:3], old.table)
    np.testing.assert_allclose(new.table[3:], [old.table[1], old.table[1]])
    assert float(new.scale) == float(old.scale)
    assert int(again.iterations) == 3
    moments = again.get_slot(new.table, "m").numpy()
    np.testing.assert_allclose(moments[:3], adam.get_slot(old.table, "m"))
    assert moments[3:].tolist() == [[0, 0], [0, 0]]


def test_another_shape_is_refused(tmp_path: Path) -> None:
    old = Model(3)
    save_checkpoint(tmp_path, old, trained(old))
    for other in (Model(3, width=4), Model(2)):
        with pytest.raises(ValueError, match="shape"):
            restore_checkpoint(tmp_path, other, tf.keras.optimizers.legacy.Adam(0.1))
