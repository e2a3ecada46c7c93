"""What the network knows of its inputs before it learns: the keys in the order of their codes, and how the dense
features are spread. A training that goes on from another keeps it."""

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, ENTITIES, SPANS
from models.ranking.constants import (
    AFFINITIES,
    PRIOR_HISTORY,
    PRIOR_IMPRESSIONS,
    PRIOR_LIKED,
    PRIOR_WATCHES,
    RATED_MEASURES,
)
from models.ranking.examples import Inputs
from models.vocabulary import frequent, grown

FILE = "statistics.npz"
#: Pieces between quantiles in which the effect of a dense feature is a straight line.
NUM_PIECES = 8
KEYS = ("videos", "channels", "topics", "languages", "countries", "devices")
#: Least exposures of a video or a channel in training for an embedding of its own: at two watches in a hundred, fewer
#: are memorised rather than learned, while their aggregates say the same.
_LEAST_EXPOSURES = 400
#: Exposures that the spread is measured on.
_SAMPLE = 100_000
_AFFINITIES = [DENSE_FEATURES.index(name) for name in AFFINITIES]
_HISTORY_SIZE = DENSE_FEATURES.index("history_size")
_IMPRESSIONS = [DENSE_FEATURES.index(f"{e}_impressions_{s}") for e in ENTITIES for s in SPANS]
_RATED = [[DENSE_FEATURES.index(f"{e}_{measure}_{s}") for e in ENTITIES for s in SPANS] for measure in RATED_MEASURES]


@dataclass(frozen=True)
class Statistics:
    """Keys and spread of the exposures that a training started anew with.

    Attributes:
      videos, channels, topics, languages, countries, devices: distinct keys [.], code 2 first.
      least, most, mean, deviation: [d] of the columns of `widened`.
      corners: [d, NUM_PIECES + 1] quantiles of the normalised columns.
      mean_watch_s: watch time of a watched exposure [s].
      num_watched: watched exposures.
    """

    videos: NDArray[np.int64]
    channels: NDArray[np.int64]
    topics: NDArray[np.int64]
    languages: NDArray[np.int64]
    countries: NDArray[np.int64]
    devices: NDArray[np.int64]
    least: NDArray[np.float32]
    most: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    corners: NDArray[np.float32]
    mean_watch_s: float
    num_watched: int

    def grown(self, inputs: Inputs) -> "Statistics":
        """These, with the keys of `inputs` that are new and frequent enough after the others; the spread is kept, as
        the weights were learned with it."""
        added: dict[str, Any] = {name: grown(getattr(self, name), keys) for name, keys in _keys(inputs).items()}
        return replace(self, **added)

    def save(self, folder: Path) -> None:
        """Write `statistics.npz`."""
        np.savez_compressed(folder / FILE, **asdict(self))


def load_statistics(folder: Path) -> Statistics:
    """Read `statistics.npz`."""
    with np.load(folder / FILE, allow_pickle=False) as saved:
        columns: dict[str, Any] = {field.name: saved[field.name] for field in fields(Statistics)}
    numbers = {"mean_watch_s": float(columns["mean_watch_s"]), "num_watched": int(columns["num_watched"])}
    return Statistics(**columns | numbers)


def statistics_of(inputs: Inputs, mean_watch_s: float, num_watched: int) -> Statistics:
    """Statistics of the exposures that a training starts anew with."""
    random = np.random.default_rng(0)
    sample = inputs.dense[random.permutation(len(inputs.dense))[:_SAMPLE]]
    wide = widened(tf.constant(sample)).numpy()
    # Sums over a week grow with the log: beyond what training saw the network would only extrapolate.
    least, most, mean = wide.min(axis=0), wide.max(axis=0), wide.mean(axis=0)
    # A flag that is rarely up has a tiny deviation; a tenth of the range keeps its one from drowning the rest.
    scale = np.maximum(np.maximum(wide.std(axis=0), (most - least) / 10), 1e-3)
    corners = np.quantile(wide, np.linspace(0, 1, NUM_PIECES + 1), axis=0).astype(np.float32).T
    return Statistics(
        **_keys(inputs),
        least=least,
        most=most,
        mean=mean,
        deviation=scale.astype(np.float32),
        corners=(corners - mean[:, None]) / scale[:, None],
        mean_watch_s=mean_watch_s,
        num_watched=num_watched,
    )


def _keys(inputs: Inputs) -> dict[str, NDArray[np.int64]]:
    return {
        "videos": frequent(inputs.video, _LEAST_EXPOSURES),
        "channels": frequent(inputs.channel, _LEAST_EXPOSURES),
        "topics": frequent(inputs.topic, 1),
        "languages": frequent(np.concatenate([inputs.language, inputs.user_language]), 1),
        "countries": frequent(inputs.country, 1),
        "devices": frequent(inputs.device, 1),
    }


def widened(dense: Any) -> Any:
    """Logarithms of the dense features [n, len(DENSE_FEATURES)], and of the smoothed rates of watches, likes and
    dismissals per impression."""
    impressions = tf.gather(dense, _IMPRESSIONS, axis=1)
    rates = [
        tf.math.log(tf.gather(dense, measure, axis=1) + PRIOR_WATCHES) - tf.math.log(impressions + PRIOR_IMPRESSIONS)
        for measure in _RATED
    ]
    tastes = affinity_columns(tf.gather(dense, _AFFINITIES, axis=1), dense[:, _HISTORY_SIZE, None])
    return tf.concat([signed_log(dense), *rates, *tastes], axis=1)


def signed_log(dense: Any) -> Any:
    """The logarithm of one more than the size of each number, with its sign."""
    return tf.sign(dense) * tf.math.log1p(tf.abs(dense))


def affinity_columns(affinities: Any, size: Any) -> list[Any]:
    """The columns of `widened` for affinities [n, NUM_AFFINITIES] of viewers whose history has `size` [n or 1, 1]."""
    counts = affinities * size
    return [tf.math.log1p(counts), tf.math.log((counts + PRIOR_LIKED) / (size + PRIOR_HISTORY))]
