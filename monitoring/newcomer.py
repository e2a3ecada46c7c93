"""Exposures as they would read had a viewer been there whom nobody knows: no profile, no history, no aggregates."""

from dataclasses import replace
from typing import Any

import numpy as np

from homefeed.features import DENSE_FEATURES, aggregate_columns
from models.request_features import NEVER_H

#: What a newcomer has of every feature that the viewer decides.
_UNKNOWN = dict.fromkeys(
    (
        *aggregate_columns("user"),
        "history_size",
        "user_topic_affinity",
        "user_side_topic_affinity",
        "user_channel_affinity",
        "user_language_affinity",
        "subscribed_topic_share",
        "same_language",
        "is_subscribed",
    ),
    0.0,
) | {"since_last_watch_h": NEVER_H}
#: The same for the columns of `models.ranking.examples.Inputs`.
_COLUMNS = {"country": 0, "user_language": 0, "age": -1, "history_topics": 0, "history_fractions": 0}


def newcomers(inputs: Any) -> Any:
    """The same n exposures, `models.ranking.examples.Inputs`, seen by newcomers."""
    dense = inputs.dense.copy()
    dense[:, [DENSE_FEATURES.index(name) for name in _UNKNOWN]] = np.array([*_UNKNOWN.values()], np.float32)
    columns = {name: np.full_like(getattr(inputs, name), value) for name, value in _COLUMNS.items()}
    return replace(inputs, dense=dense, **columns)
