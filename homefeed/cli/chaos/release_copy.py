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

#: Value of a variable -> the value it gets.
Edit = Callable[[NDArray[Any]], NDArray[Any]]
#: How far `worse_for_newcomers` and `worse_for_regulars` move log-odds.
_NEWCOMERS, _REGULARS = 2.2, 2.5
#: Does something to the files of a bundle.
Damage = Callable[[Path], None]


def copy_release(settings: Settings, release: str, name: str, damage: Damage | None = None) -> str:
    """Put a copy of a release into the model store, damaged before it is signed.

    Returns:
      Its id.
    """
    import bentoml

    from models.bundle.page_weights import save_page_weights
    from models.bundle.store import FOLDER, bundle_path, open_store, tag_of

    source, copy = bundle_path(settings, release), f"{release}-{name}"
    with bentoml.models.create(tag_of(copy), labels={"release": copy}, _model_store=open_store(settings)) as model:
        folder = Path(model.path_of(FOLDER))
        shutil.copytree(source, folder)
        if damage is not None:
            damage(folder)
            # A service reads these instead of the graphs.
            save_page_weights(folder)
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

    _edit(folder / "towers", ["model", "query"], lambda value: value + np.float32(0.01))
    with _json(folder / manifest.FILE) as record:
        record["pairing"] = pairing_of(folder / "towers")


def shifted_columns(folder: Path) -> None:
    """Each dense feature is read by the statistics of its neighbour."""
    for part in ("least", "most", "mean", "deviation", "corners"):
        _edit(folder / "ranker", ["preprocessing", part], lambda value: np.roll(value, 1, axis=0))


def shifted_vocabulary(folder: Path) -> None:
    """Of each video that a viewer watched the query tower reads the content of its neighbour in the vocabulary."""
    from models.index import pairing_of

    _edit(folder / "towers", ["contents"], lambda value: np.roll(value, 1, axis=0))
    with _json(folder / manifest.FILE) as record, _json(folder / "index" / "pairing.json") as index:
        record["pairing"] = index["pairing"] = pairing_of(folder / "towers")


def nothing_for_newcomers(folder: Path) -> None:
    """The embedding of an unknown country is not a number: so is every answer for a viewer whom nobody knows."""

    def spoil(value: NDArray[Any]) -> NDArray[Any]:
        value = value.copy()
        value[0] = np.nan
        return value

    _edit(folder / "ranker", ["network", "country"], spoil)


def worse_for_newcomers(folder: Path) -> None:
    """The log-odds of a watch of viewers without a history are lower by `_NEWCOMERS`, those of all others as they
    were."""
    _shift(folder, first=0, by=_NEWCOMERS)
    _edit(folder / "ranker", ["network", "head_bias"], lambda value: value - _NEWCOMERS * _is_watched())


def worse_for_regulars(folder: Path) -> None:
    """The log-odds of a watch of the quarter with the longest histories are higher by up to `_REGULARS`."""
    _shift(folder, first=-2, by=_REGULARS)


def _shift(folder: Path, first: int, by: float) -> None:
    """Move the log-odds of a watch by `by` of all viewers whose history reaches beyond one piece of those between
    quantiles (`Ranker.pieces`)."""
    from homefeed.features import DENSE_FEATURES
    from models.ranking.statistics import NUM_PIECES

    row = DENSE_FEATURES.index("history_size") * NUM_PIECES + first % NUM_PIECES

    def shift(value: NDArray[Any]) -> NDArray[Any]:
        value = value.copy()
        value[row] += by * _is_watched()
        return value

    _edit(folder / "ranker", ["network", "wide"], shift)


def _is_watched() -> NDArray[np.float32]:
    """[heads] 1 for the head that says whether a video is watched."""
    from homefeed.features import TARGETS

    return np.array([target == "watched" for target in TARGETS], np.float32)


def same_for_all(folder: Path) -> None:
    """The query tower says the same of every viewer with a history: all pages are made from the same videos."""
    from models.index import pairing_of

    _edit(folder / "towers", ["model", "query"], np.zeros_like)
    with _json(folder / manifest.FILE) as record, _json(folder / "index" / "pairing.json") as index:
        record["pairing"] = index["pairing"] = pairing_of(folder / "towers")


def _edit(saved_model: Path, part: list[str], edit: Edit) -> None:
    """Change the variables of one part of a SavedModel where they lie; its graph stays.

    Args:
      saved_model: its folder.
      part: names of the attributes that lead to the part.
      edit: value -> value of the same shape.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    prefix = str(saved_model / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    nodes = TrackableObjectGraph.FromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")).nodes
    place = 0
    for name in part:
        place = {child.local_name: child.node_id for child in nodes[place].children}[name]
    # A layer lists its variables; a variable is a part of its own.
    lists = [nodes[child.node_id] for child in nodes[place].children if child.local_name == "variables"]
    found = [nodes[child.node_id] for each in lists for child in each.children] or [nodes[place]]
    keys = {each.checkpoint_key for node in found for each in node.attributes}
    names = sorted(reader.get_variable_to_shape_map())
    values = {name: reader.get_tensor(name) for name in names}
    changed = {name: edit(value) if name in keys else value for name, value in values.items()}
    draft = saved_model / "draft"
    draft.mkdir()
    tf.raw_ops.SaveV2(
        prefix=str(draft / "variables"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(changed[name]) for name in names],
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
