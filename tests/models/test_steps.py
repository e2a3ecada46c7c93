"""Many steps in one graph are the same as one by one."""

import importlib

import numpy as np
import pytest

from models import steps
from models.optimizer import LazyAdam
from models.steps import Steps

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")
KEYS, ORDER = np.array([0, 1, 1, 3], np.int32), np.array([[0, 1], [2, 3], [1, 2]])


def learned(order: np.ndarray, whole_rows: int, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, list[float]]:
    """A table of four rows after steps whose loss pulls each key that is read towards one."""
    monkeypatch.setattr(steps, "_WHOLE_ROWS", whole_rows)
    table, done = tf.Variable(tf.zeros([4, 2])), tf.Variable(0.0)

    def loss(columns: dict) -> object:  # type: ignore[type-arg]
        return tf.reduce_mean(tf.square(tf.gather(table, columns["key"]) - 1.0))

    learn = Steps(loss, [table], LazyAdam(0.1), {"key": KEYS}, lambda: done.assign_add(1.0))
    losses = [float(learn(part)) for part in np.split(order, len(order))] if whole_rows < 0 else [float(learn(order))]
    assert float(done) == len(order)
    return table.numpy(), losses


def test_no_step_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = learned(np.zeros((0, 2), np.int64), 0, monkeypatch)
    assert not table.any()


def test_a_row_that_no_step_reads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 0 is read in the first step alone, whose length is the step size; row 2 never."""
    table, losses = learned(ORDER, 0, monkeypatch)
    np.testing.assert_allclose(table[0], 0.1, atol=1e-5)
    assert not table[2].any()
    assert table[1, 0] > table[3, 0] > 0
    assert losses[0] < 1


def test_steps_one_by_one_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    together, mean = learned(ORDER, 0, monkeypatch)
    single, losses = learned(ORDER, -1, monkeypatch)
    np.testing.assert_allclose(together, single, rtol=1e-6)
    assert mean[0] == pytest.approx(np.mean(losses))


def test_a_small_table_is_updated_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a row goes on moving by its momentum in steps that do not read it, as in Adam."""
    table, _ = learned(ORDER, 10, monkeypatch)
    assert table[0, 0] > 0.11
