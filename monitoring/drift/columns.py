"""The columns that drift is measured on: features, categories, embeddings, predictions and labels of some exposures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, REQUEST_FEATURES, TARGETS
from models.history import string_key
from models.ranking.calibration import log_odds
from monitoring.drift.distance import Floats, Groups, groups
from monitoring.evidence import REACTIONS, Rows

#: These follow the clock, not the site.
_CLOCK = ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos")
#: Shares and flags, compared as they are; every other feature is a count, an amount or an age, compared as log(1 + x),
#: as a few heavy viewers and videos would decide the distance otherwise.
_PLAIN = {name for name in REQUEST_FEATURES if name.endswith(("_affinity", "_share"))} | {
    "same_language",
    "is_subscribed",
}
FEATURES = tuple(name for name in DENSE_FEATURES if name not in _CLOCK)
PREDICTIONS = tuple(f"predicted_{target}" for target in TARGETS)
LABELS = ("watched", *REACTIONS)
CATEGORIES = ("device", "country", "source", "topic", "user_language")
#: Components of the video vectors that are compared: the directions in which the reference differs most in itself.
NUM_COMPONENTS = 8

#: Kind of a column -> how it is compared.
METHODS: Mapping[str, str] = {
    "features": "wasserstein",
    "predictions": "wasserstein",
    "embeddings": "wasserstein",
    "categories": "total variation",
    "labels": "log ratio of rates",
    "slices": "of its columns",
}


@dataclass(frozen=True)
class Columns:
    """Of n exposures.

    Attributes:
      features: [n, len(FEATURES)] as they are compared.
      predictions: [n, len(PREDICTIONS)] log-odds, for seconds log(1 + x); None when they are not known.
      labels: [n, len(LABELS)] 0 or 1, NaN where a label is not known.
      categories: name -> [n] keys; one that is not known is left out.
      vectors: [n, d] of the videos, NaN for one without; None when they are not known.
      groups: which exposures stand and fall together.
      names: key of a device, country or source -> its name, as far as they are known.
    """

    features: Floats
    predictions: Floats | None
    labels: Floats
    categories: Mapping[str, NDArray[np.int64]]
    vectors: Floats | None
    groups: Groups
    names: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.features)

    def take(self, mask: NDArray[np.bool_]) -> "Columns":
        """The exposures where `mask` [n] is true."""
        return Columns(
            self.features[mask],
            None if self.predictions is None else self.predictions[mask],
            self.labels[mask],
            {name: column[mask] for name, column in self.categories.items()},
            None if self.vectors is None else self.vectors[mask],
            self.groups.take(mask),
            self.names,
        )


def columns_of(rows: Rows, heads: Mapping[str, NDArray[np.float32]], bundle: Any) -> Columns:
    """Columns of exposures, with what `heads` [n] say of each and the vectors of `bundle`."""
    inputs = rows.inputs
    coded = {n: _keys(c) for n, c in (("device", rows.devices), ("country", rows.countries), ("source", rows.sources))}
    categories = {name: keys for name, (keys, _) in coded.items()}
    labels = [rows.watched, *(rows.reactions[target] for target in REACTIONS)]
    return Columns(
        compared_features(inputs.dense),
        compared_predictions(heads),
        np.column_stack(labels).astype(np.float64),
        categories | {"topic": inputs.topic, "user_language": inputs.user_language},
        vectors_of(bundle, rows.videos),
        groups(rows.users, rows.videos),
        {key: name for _, names in coded.values() for key, name in names.items()},
    )


def compared_features(dense: NDArray[np.float32]) -> Floats:
    """Dense features [n, len(DENSE_FEATURES)] -> [n, len(FEATURES)] as they are compared."""
    kept = dense[:, [DENSE_FEATURES.index(name) for name in FEATURES]].astype(np.float64)
    logarithmic = np.array([name not in _PLAIN for name in FEATURES])
    kept[:, logarithmic] = np.sign(kept[:, logarithmic]) * np.log1p(np.abs(kept[:, logarithmic]))
    return kept


def compared_predictions(heads: Mapping[str, NDArray[np.float32]]) -> Floats:
    """Target -> [n] of every head, as [n, len(PREDICTIONS)]."""
    seconds = np.log1p(np.maximum(heads["watch_s"], 0).astype(np.float64))
    return np.column_stack([seconds if target == "watch_s" else log_odds(heads[target]) for target in TARGETS])


def vectors_of(bundle: Any, videos: NDArray[np.int64]) -> Floats:
    """[n, d] vectors that the bundle was built with of videos [n]; NaN for one it does not hold."""
    order = np.argsort(bundle.videos, kind="stable")
    place = np.minimum(np.searchsorted(bundle.videos, videos, sorter=order), max(len(order) - 1, 0))
    if not len(order):
        return np.full((len(videos), bundle.vectors.shape[1]), np.nan)
    row = order[place]
    found = np.asarray(bundle.vectors[row], np.float64)
    found[bundle.videos[row] != videos] = np.nan
    return found


def components(before: Floats, *sides: Floats) -> list[Floats]:
    """Sides [n, d] along the directions in which `before` [m, d] differs most in itself: [n, k] each.

    The sign of a direction is arbitrary and is made the same each time: its largest part is positive.
    """
    whole = before[np.isfinite(before).all(axis=1)]
    if len(whole) < 2:
        return [np.full((len(side), 0), np.nan) for side in sides]
    mean = whole.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(whole, rowvar=False).reshape(before.shape[1], -1))
    kept = directions[:, ::-1][:, :NUM_COMPONENTS]
    kept = kept * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    return [(side - mean) @ kept for side in sides]


def _keys(names: NDArray[Any]) -> tuple[NDArray[np.int64], dict[int, str]]:
    """[n] keys of names [n], and key -> name; `other` is what `Rows` calls one that is not known, whose key is 0."""
    values, codes = np.unique(names.astype(str), return_inverse=True)
    keys = [string_key("" if value == "other" else value) for value in values.tolist()]
    return np.array(keys, np.int64)[codes], dict(zip(keys, values.tolist(), strict=True))
