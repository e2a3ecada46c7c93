"""What the network reads of a request's candidates, column by column: the long way, that of training."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from homefeed.features import ENTITIES, aggregate_columns
from models.history import microseconds, string_keys
from models.ranking.columns import viewer_row
from models.ranking.examples import HIDDEN_SLOT, Inputs, inputs_of
from models.video_table import VideoTable

_CANDIDATE_AGGREGATES = [c for entity in ENTITIES if entity != "user" for c in aggregate_columns(entity)]


def request_inputs(
    user: Mapping[str, Any],
    candidates: Mapping[str, Any],
    context: Mapping[str, Any],
    table: VideoTable,
    full_history: int,
    history_length: int,
) -> Inputs:
    """Inputs of n candidates for one viewer, the slot hidden.

    Args:
      user: a row of the online store: the columns of `user_state` and of `user_aggregates`; None is unknown.
      candidates: columns of the snapshot, [n] each.
      context: `time` (timezone-aware) and `device`.
      table: the catalogue, for the content of histories.
      full_history: watches kept in a viewer's history.
      history_length: newest of them that the network reads.
    """
    viewer = viewer_row(user, context["time"], context["device"], table, full_history)
    keys = np.asarray(candidates["video"], np.int64)
    columns = {
        "video": keys,
        "channel": np.asarray(candidates["channel"], np.int64),
        "topic": string_keys(candidates["topic"]),
        "language": string_keys(candidates["language"]),
        "side_topics": table.side_topics_of(keys),
        "uploaded": microseconds(candidates["uploaded"]),
        "duration_s": np.asarray(candidates["duration_s"], np.float32),
        "slot": np.full(len(keys), HIDDEN_SLOT, np.int32),
    }
    aggregates: dict[str, Any] = {name: np.float32(user[name] or 0) for name in aggregate_columns("user")}
    aggregates |= {name: np.asarray(candidates[name], np.float32) for name in _CANDIDATE_AGGREGATES}
    return inputs_of(viewer, columns, aggregates, history_length)
