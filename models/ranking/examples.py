"""Exposures with their features as numpy columns: what the network is trained on, and what a request becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, REQUEST_FEATURES, TARGETS
from models.history import string_keys
from models.ranking.columns import candidate_columns, viewer_columns
from models.request_features import request_features
from models.video_table import VideoTable

#: Slot given to the shallow tower when the true one is not known: when a page is ranked there is none yet.
HIDDEN_SLOT = 100
AGGREGATES = [name for name in DENSE_FEATURES if name not in REQUEST_FEATURES]
_BLOCK = 65_536


class SlotUse(Enum):
    """The only difference between training and serving: where the shallow tower's slot comes from."""

    #: The slot that the exposure was shown in.
    TRUE = "true"
    #: No slot, as when a page is ranked.
    FIXED = "fixed"


@dataclass(frozen=True)
class Inputs:
    """What the network reads of n candidates; a viewer column has n rows, or one for all.

    Attributes:
      dense: [n, len(DENSE_FEATURES)] float32.
      video, channel, topic, language: [n] keys of the candidate.
      side_topics: [n, s] keys of its other topics, 0 pads.
      slot: [n] int32, `HIDDEN_SLOT` when it is not known.
      device, country, user_language: [n or 1] keys.
      age: [n or 1] years, -1 unknown.
      history_topics: [n or 1, h] keys of the main topics of the newest watches, newest last, 0 pads.
      history_fractions: [n or 1, h] share that was watched.
    """

    dense: NDArray[np.float32]
    video: NDArray[np.int64]
    channel: NDArray[np.int64]
    topic: NDArray[np.int64]
    language: NDArray[np.int64]
    side_topics: NDArray[np.int64]
    slot: NDArray[np.int32]
    device: NDArray[np.int64]
    country: NDArray[np.int64]
    user_language: NDArray[np.int64]
    age: NDArray[np.int32]
    history_topics: NDArray[np.int64]
    history_fractions: NDArray[np.float32]

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def take(self, index: Any) -> "Inputs":
        """Rows of inputs whose columns all have n rows."""
        return Inputs(**{name: column[index] for name, column in self.columns().items()})


@dataclass(frozen=True)
class Examples:
    """n exposures.

    Attributes:
      inputs: features.
      labels: target -> [n] float32; `completion` is NaN where the length of the video is unknown.
      weight: [n] how many exposures each stands for.
      users: [n] key of the viewer.
      requests: [n] number of the page among those that were read, 0 when it is not known.
      sources: [n] key of what proposed the candidate, 0 when it is not known.
      propensities: [n] probability that the page showed it in its slot, NaN when it is not known.
    """

    inputs: Inputs
    labels: dict[str, NDArray[np.float32]]
    weight: NDArray[np.float32]
    users: NDArray[np.int64]
    requests: NDArray[np.int64]
    sources: NDArray[np.int64]
    propensities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: Any) -> "Examples":
        """The exposures at `index`."""
        labels = {target: label[index] for target, label in self.labels.items()}
        columns = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in ("inputs", "labels")}
        return Examples(self.inputs.take(index), labels, **columns)


def joined(parts: Sequence[Examples]) -> Examples:
    """One after the other the exposures of parts, one or more, of which histories and topics are of one length."""

    labels = {target: np.concatenate([part.labels[target] for part in parts]) for target in parts[0].labels}
    others = [f.name for f in fields(Examples) if f.name not in ("inputs", "labels")]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in others}
    return Examples(_joined_inputs([part.inputs for part in parts]), labels, **columns)


def _joined_inputs(parts: Sequence[Inputs]) -> Inputs:
    return Inputs(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Inputs)})


def inputs_of(
    viewers: Mapping[str, Any],
    candidates: Mapping[str, Any],
    aggregates: Mapping[str, NDArray[np.float32]],
    history_length: int,
) -> Inputs:
    """Columns of the network from columns of viewers and candidates; training and serving meet here.

    Args:
      viewers: m rows, m is n or 1. Those of `request_features`, and `device`, `country`, `age`.
      candidates: n rows. Those of `request_features`, and `video`, `side_topics` and `slot`.
      aggregates: aggregate feature -> [n or 1].
      history_length: newest watches that the network reads.
    """
    num = len(candidates["video"])
    dense = np.empty((num, len(DENSE_FEATURES)), np.float32)
    requested = request_features(viewers, candidates)
    for column, name in enumerate(DENSE_FEATURES):
        dense[:, column] = requested[name] if name in requested else aggregates[name]
    np.nan_to_num(dense, copy=False)
    topics, fractions = visible_history(viewers, history_length)
    return Inputs(
        dense=dense,
        video=candidates["video"],
        channel=candidates["channel"],
        topic=candidates["topic"],
        language=candidates["language"],
        side_topics=candidates["side_topics"],
        slot=candidates["slot"],
        device=viewers["device"],
        country=viewers["country"],
        user_language=viewers["language"],
        age=viewers["age"],
        history_topics=topics,
        history_fractions=fractions,
    )


def visible_history(viewers: Mapping[str, Any], history_length: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Main topics and watched shares of the newest `history_length` watches before `time`, [m, h] each, newest last;
    a watch at or after it is 0."""
    known = (viewers["history_times"] > 0) & (viewers["history_times"] < viewers["time"][:, None])
    topics, fractions = (
        np.where(known, viewers[name], 0)[:, -history_length:] for name in ("history_topics", "history_fractions")
    )
    return topics, fractions.astype(np.float32)


def examples_of(
    rows: pa.Table, table: VideoTable, full_history: int, history_length: int, slot_use: SlotUse = SlotUse.TRUE
) -> Examples:
    """Examples from the rows of `feature_repo.training_set.ranking_examples`.

    Args:
      rows: exposures with their point-in-time features.
      table: the catalogue, for the content of candidates and of histories.
      full_history: watches kept in a viewer's history.
      history_length: newest of them that the network reads.
      slot_use: the true slot, or none as in serving.
    """
    blocks = [
        training_inputs(rows.slice(first, _BLOCK), table, full_history, history_length, slot_use)
        for first in range(0, len(rows), _BLOCK)
    ] or [training_inputs(rows, table, full_history, history_length, slot_use)]
    labels = {t: rows.column(t).to_numpy(zero_copy_only=False).astype(np.float32) for t in TARGETS}
    weight = rows.column("weight").to_numpy(zero_copy_only=False).astype(np.float32)
    return Examples(
        _joined_inputs(blocks),
        labels,
        weight,
        users=rows.column("user").to_numpy(),
        requests=_page_codes(rows.column("request_id")),
        sources=string_keys(rows.column("source")),
        propensities=rows.column("propensity").to_numpy(zero_copy_only=False).astype(np.float32),
    )


def _page_codes(requests: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number from 1 for each distinct page, [n]; 0 for a null. Hashing millions of ids would say no more."""
    codes = requests.combine_chunks().dictionary_encode().indices.fill_null(-1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), np.int64) + 1


def training_inputs(
    rows: pa.Table, table: VideoTable, full_history: int, history_length: int, slot_use: SlotUse = SlotUse.TRUE
) -> Inputs:
    """What the network reads of n exposures, as training reads it: `examples_of` without what followed."""
    candidates = candidate_columns(rows.column("video").to_numpy(), table)
    slots = rows.column("slot").to_numpy().astype(np.int32)
    candidates["slot"] = slots if slot_use is SlotUse.TRUE else np.full_like(slots, HIDDEN_SLOT)
    aggregates = {name: rows.column(name).to_numpy(zero_copy_only=False).astype(np.float32) for name in AGGREGATES}
    return inputs_of(viewer_columns(rows, table, full_history), candidates, aggregates, history_length)
