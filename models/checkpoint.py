"""The state of a training from which the next one goes on: weights, the optimizer's moments, codes and frequencies."""

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import UNKNOWN

FILE = "checkpoint.npz"


def save_checkpoint(folder: Path, model: Any, optimizer: Any) -> None:
    """Write `checkpoint.npz`: every weight by its place in the model, with its slots and the optimizer's steps."""
    write_arrays(folder / FILE, state_of(model.trainable_variables, optimizer))


def write_arrays(path: Path, arrays: Iterable[tuple[str, Any]]) -> None:
    """Write what `numpy.load` reads, one array after the other: no two have to be in memory."""
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays:
            with file.open(f"{name}.npy", "w", force_zip64=True) as out:
                np.lib.format.write_array(out, np.asanyarray(array), allow_pickle=False)


def state_of(
    weights: Sequence[Any], optimizer: Any, whole: Callable[[int, Any], Any] = lambda _, array: array.numpy()
) -> Iterator[tuple[str, Any]]:
    """The arrays of a checkpoint by name, each made when it is asked for.

    Args:
      weights: variables.
      optimizer: with their slots.
      whole: the place of a weight, and it or one of its slots -> the array.
    """
    yield "steps", optimizer.iterations.numpy()
    for place, weight in enumerate(weights):
        yield f"weight_{place}", whole(place, weight)
        for slot in optimizer.get_slot_names():
            yield f"{slot}_{place}", whole(place, optimizer.get_slot(weight, slot))


def restore_checkpoint(folder: Path, model: Any, optimizer: Any, parts: Mapping[int, slice] | None = None) -> None:
    """Read `checkpoint.npz` into a built model whose tables may have grown since.

    A row that is new starts as that of unknown keys, which has learned what a video without an id of its own is like.

    Args:
      folder: of the checkpoint.
      model, optimizer: that go on from it.
      parts: place of a table -> the rows of it that the model holds, where those are not all.

    Raises:
      ValueError: the model is of another shape.
    """
    with np.load(folder / FILE, allow_pickle=False) as saved:
        set_state(model.trainable_variables, optimizer, saved, parts)


def set_state(
    weights: Sequence[Any],
    optimizer: Any,
    saved: Mapping[str, NDArray[Any]],
    parts: Mapping[int, slice] | None = None,
) -> None:
    """Put back what `state_of` gave, as `restore_checkpoint` does."""
    optimizer._create_all_weights(weights)
    optimizer.iterations.assign(saved["steps"])
    set_weights(weights, saved, parts)
    for place, weight in enumerate(weights):
        for slot in optimizer.get_slot_names():
            own = part_of(saved[f"{slot}_{place}"], parts, place)
            optimizer.get_slot(weight, slot).assign(_grown(own, weight.shape, 0.0))


def set_weights(
    weights: Sequence[Any], saved: Mapping[str, NDArray[Any]], parts: Mapping[int, slice] | None = None
) -> None:
    """The weights alone, as `restore_checkpoint` does."""
    for place, weight in enumerate(weights):
        every = saved[f"weight_{place}"]
        rest = every[UNKNOWN] if every.ndim > 1 and len(every) > UNKNOWN else 0.0
        weight.assign(_grown(part_of(every, parts, place), weight.shape, rest))


def part_of(saved: NDArray[Any], parts: Mapping[int, slice] | None, place: int) -> NDArray[Any]:
    """The rows of the array of the weight at `place` that a model holds."""
    return saved[parts[place]] if parts and place in parts else saved


def _grown(saved: NDArray[Any], shape: Any, rest: Any) -> NDArray[Any]:
    """`saved` with rows of `rest` added up to `shape`."""
    if saved.shape[1:] != tuple(shape[1:]) or (saved.ndim and len(saved) > shape[0]):
        raise ValueError(f"a weight of shape {saved.shape} was saved where the model has {tuple(shape)}")
    if saved.shape == tuple(shape):
        return saved
    return np.concatenate([saved, np.broadcast_to(rest, (shape[0] - len(saved), *saved.shape[1:]))])
