"""A copy of a release under another id, and what can be done to its files."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed import manifest
from homefeed.settings import Settings

#: Name of a variable -> its value -> the value it gets.
Edit = Callable[[str, NDArray[Any]], NDArray[Any]]
#: Does something to the files of a bundle.
Damage = Callable[[Path], None]


def copy_release(settings: Settings, release: str, name: str, damage: Damage | None = None) -> str:
    """Put a copy of a release into the model store, damaged before it is signed.

    Returns:
      Its id.
    """
    import bentoml

    from models.bundle.store import FOLDER, bundle_path, open_store, tag_of

    source, copy = bundle_path(settings, release), f"{release}-{name}"
    with bentoml.models.create(tag_of(copy), labels={"release": copy}, _model_store=open_store(settings)) as model:
        folder = Path(model.path_of(FOLDER))
        shutil.copytree(source, folder)
        if damage is not None:
            damage(folder)
        made = manifest.Manifest.model_validate_json((folder / manifest.FILE).read_bytes())
        manifest.write(folder, made.model_copy(update={"release": copy}))
    return copy


def scaled_watches(factor: float) -> Damage:
    """Every chance of a watch times `factor`, in the same order."""

    def damage(folder: Path) -> None:
        with _json(folder / "calibrators.json") as record:
            found = record["watched"]
            if found["kind"] == "platt":
                # A line on the log-odds: for chances this small a factor is a constant of the log-odds.
                found["y"] = [found["y"][0] + float(np.log(factor))]
            else:
                found["y"] = [min(1.0, factor * y) for y in found["y"]]

    return damage


def other_towers(folder: Path) -> None:
    """Towers of another training beside the index of this one; the manifest names the new ones."""
    from models.index import pairing_of

    _edit(folder / "towers", lambda name, value: value + np.float32(0.01) if value.ndim == 2 else value)
    with _json(folder / manifest.FILE) as record:
        record["pairing"] = pairing_of(folder / "towers")


def shifted_vocabulary(folder: Path) -> None:
    """Each video, channel and topic gets the embedding of its neighbour in the vocabulary."""

    def shift(name: str, value: NDArray[Any]) -> NDArray[Any]:
        is_table = any(f"network/{part}/embeddings" in name for part in ("video", "channel", "topic"))
        return np.roll(value, 1, axis=0) if is_table else value

    _edit(folder / "ranker", shift)


def nothing_for_newcomers(folder: Path) -> None:
    """The embedding of an unknown country is not a number: so is every answer for a viewer whom nobody knows."""

    def spoil(name: str, value: NDArray[Any]) -> NDArray[Any]:
        if "network/country/embeddings" in name:
            value = value.copy()
            value[0] = np.nan
        return value

    _edit(folder / "ranker", spoil)


def same_for_all(folder: Path) -> None:
    """The query tower answers everyone as it answers a newcomer: all pages are made from the same videos."""

    def flatten(name: str, value: NDArray[Any]) -> NDArray[Any]:
        kept = ("newcomer", "log_scale")
        is_query = "query" in name and not any(part in name for part in kept)
        return np.zeros_like(value) if is_query and value.dtype == np.float32 else value

    _edit(folder / "towers", flatten)
    with _json(folder / manifest.FILE) as record, _json(folder / "index" / "pairing.json") as index:
        from models.index import pairing_of

        record["pairing"] = index["pairing"] = pairing_of(folder / "towers")


def _edit(saved_model: Path, edit: Edit) -> None:
    """Change the variables of a SavedModel where they lie; its graph stays."""
    import tensorflow as tf

    prefix = str(saved_model / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    names = sorted(reader.get_variable_to_shape_map())
    values = [reader.get_tensor(name) for name in names]
    is_number = [getattr(value, "dtype", None) == np.float32 for value in values]
    changed = [
        tf.constant(edit(name, value)) if number else tf.constant(value)
        for name, value, number in zip(names, values, is_number, strict=True)
    ]
    draft = saved_model / "draft"
    draft.mkdir()
    tf.raw_ops.SaveV2(
        prefix=str(draft / "variables"), tensor_names=names, shape_and_slices=[""] * len(names), tensors=changed
    )
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=[str(draft / "variables")], destination_prefix=prefix)
    # Merging deletes what it merged, the folder with it.
    shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _json(file: Path) -> Iterator[Any]:
    """What a file holds, written back when it was changed."""
    value = json.loads(file.read_text())
    yield value
    file.write_text(json.dumps(value))
