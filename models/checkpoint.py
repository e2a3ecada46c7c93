"""The state of a training from which the next one goes on: weights, the optimizer's moments, codes and frequencies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.vocabulary import UNKNOWN

FILE = "checkpoint.npz"


def save_checkpoint(folder: Path, model: Any, optimizer: Any) -> None:
    """Write `checkpoint.npz`: every weight by its place in the model, with its slots and the optimizer's steps."""
    np.savez(folder / FILE, **state_of(model.trainable_variables, optimizer))


def state_of(weights: Sequence[Any], optimizer: Any) -> dict[str, Any]:
    """The arrays of a checkpoint by name."""
    arrays: dict[str, Any] = {"steps": np.asarray(optimizer.iterations.numpy())}
    for place, weight in enumerate(weights):
        arrays[f"weight_{place}"] = weight.numpy()
        for slot in optimizer.get_slot_names():
            arrays[f"{slot}_{place}"] = optimizer.get_slot(weight, slot).numpy()
    return arrays


def restore_checkpoint(folder: Path, model: Any, optimizer: Any) -> None:
    """Read `checkpoint.npz` into a built model whose tables may have grown since.

    A row that is new starts as that of unknown keys, which has learned what a video without an id of its own is like.

    Raises:
      ValueError: the model is of another shape.
    """
    with np.load(folder / FILE, allow_pickle=False) as saved:
        set_state(model.trainable_variables, optimizer, saved)


def set_state(weights: Sequence[Any], optimizer: Any, saved: Mapping[str, NDArray[Any]]) -> None:
    """Put back what `state_of` gave, into tables that may have grown. Raises ValueError: they are of another shape."""
    optimizer._create_all_weights(weights)
    optimizer.iterations.assign(saved["steps"])
    for place, weight in enumerate(weights):
        own = saved[f"weight_{place}"]
        weight.assign(_grown(own, weight.shape, own[UNKNOWN] if own.ndim > 1 and len(own) > UNKNOWN else 0.0))
        for slot in optimizer.get_slot_names():
            optimizer.get_slot(weight, slot).assign(_grown(saved[f"{slot}_{place}"], weight.shape, 0.0))


def _grown(saved: NDArray[Any], shape: Any, rest: Any) -> NDArray[Any]:
    """`saved` with rows of `rest` added up to `shape`."""
    if saved.shape[1:] != tuple(shape[1:]) or (saved.ndim and len(saved) > shape[0]):
        raise ValueError(f"a weight of shape {saved.shape} was saved where the model has {tuple(shape)}")
    if saved.shape == tuple(shape):
        return saved
    return np.concatenate([saved, np.broadcast_to(rest, (shape[0] - len(saved), *saved.shape[1:]))])
