"""Slices of the exposures that a ranker is measured on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES
from models.evaluation.reliability import groups_of
from models.names import Names
from models.ranking.examples import Examples

#: Countries and topics that are slices of their own; those with fewer exposures are one slice together.
_MOST_KEYS = 10
_AGES_H = (1, 24, 168)
_AGES = ("uploaded within the last hour", "1 to 24 hours old", "1 to 7 days old", "older than 7 days")
_SLOTS = (5, 10, 20, 50)
_SLOT_NAMES = ("slots 0 to 4", "slots 5 to 9", "slots 10 to 19", "slots 20 to 49", "slots 50 to 99")


@dataclass(frozen=True)
class Grouping:
    """Slices that share out n exposures.

    Attributes:
      name: what they differ by.
      names: of the slices; one may have no exposure.
      codes: [n] number of the slice.
    """

    name: str
    names: tuple[str, ...]
    codes: NDArray[np.int64]


def groupings(examples: Examples, names: Names) -> Iterator[Grouping]:
    """By country, device, age of the video, topic, newcomers, source, slot and popularity.

    Args:
      examples: n exposures.
      names: of the keys; one without a name is shown as `models.names` shows it.
    """
    inputs, weight = examples.inputs, examples.weight.astype(np.float64)
    yield _by_key("country of the viewer", inputs.country, names.country)
    yield _by_key("device", inputs.device, names.device)
    age_h = _dense(examples, "video_age_h")
    yield Grouping("age of the video", _AGES, np.searchsorted(_AGES_H, age_h, side="right"))
    yield _by_key("topic of the video", inputs.topic, names.topic)
    is_known = _dense(examples, "history_size") > 0
    yield Grouping("viewer", ("new: has watched nothing before", "known"), is_known.astype(np.int64))
    yield _by_key("source", examples.sources, names.source)
    yield Grouping("slot", _SLOT_NAMES, np.searchsorted(_SLOTS, inputs.slot, side="right"))
    yield _by_popularity(_dense(examples, "video_watches_7d"), weight)


def _dense(examples: Examples, name: str) -> NDArray[np.float32]:
    return examples.inputs.dense[:, DENSE_FEATURES.index(name)]


def _by_key(name: str, keys: NDArray[np.int64], text: Callable[[int], str]) -> Grouping:
    distinct, codes, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.lexsort((distinct, -counts))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    texts = tuple(text(key) for key in distinct[order][:_MOST_KEYS].tolist())
    if len(distinct) > _MOST_KEYS:
        texts += (f"all {len(distinct) - _MOST_KEYS:,} others",)
    return Grouping(name, texts, np.minimum(place[codes], _MOST_KEYS))


def _by_popularity(watches: NDArray[Any], weight: NDArray[np.float64]) -> Grouping:
    """Tenths of the exposures by the watches of their video in the seven days before."""
    tenths = tuple(f"decile {n + 1}{ {0: ', least watched', 9: ', most watched'}.get(n, '') }" for n in range(10))
    codes, some = np.zeros(len(watches), np.int64), watches > 0
    if some.any():
        codes[some] = 1 + groups_of(watches[some].astype(np.float64), weight[some], 10)
    return Grouping("popularity of the video", ("not watched in the seven days before", *tenths), codes)
