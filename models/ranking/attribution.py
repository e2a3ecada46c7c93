"""What moves the ranker's heads for single candidates: features replaced, and the answer compared.

The typical value of a dense feature is its median in the bundle's reference, a sample of exposures; that of a key
is unknown (0). A change is measured on the log-odds before calibration: an isotonic calibrator is flat in places.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from homefeed.features import DENSE_FEATURES, aggregate_columns
from models.ranking.calibration import log_odds
from models.ranking.examples import Inputs

#: Steps of the reference's distribution that a feature is moved along: least, tenths, largest.
SHARES = np.linspace(0, 1, 11)
_VIEWER_COLUMNS = ("device", "country", "user_language", "age", "history_topics", "history_fractions")
#: Features of the clock move together, so moving one alone is no change that could have been.
CLOCK = ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos")


class AttributionError(HomefeedError):
    """The reference of a bundle cannot be used; the message says why."""


@dataclass(frozen=True)
class FeatureGroup:
    """Features that say one thing together.

    Attributes:
      name: what they say.
      dense: names of dense features.
      keys: columns of `Inputs` beside the dense ones.
    """

    name: str
    dense: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


#: Every feature but the slot, each in one group.
GROUPS = (
    FeatureGroup("viewer's activity", (*aggregate_columns("user"), "since_last_watch_h", "history_size")),
    FeatureGroup("video's popularity", tuple(aggregate_columns("video"))),
    FeatureGroup("channel's popularity", tuple(aggregate_columns("channel"))),
    FeatureGroup("topic's popularity", tuple(aggregate_columns("topic"))),
    FeatureGroup(
        "match with the history",
        ("user_topic_affinity", "user_side_topic_affinity", "user_channel_affinity"),
        ("history_topics", "history_fractions"),
    ),
    FeatureGroup("match of the language", ("user_language_affinity", "same_language"), ("language", "user_language")),
    FeatureGroup("subscriptions", ("subscribed_topic_share", "is_subscribed")),
    FeatureGroup("age and length of the video", ("video_age_h", "video_duration_s")),
    FeatureGroup("hour and weekday", CLOCK),
    FeatureGroup("the video, its channel and topics", (), ("video", "channel", "topic", "side_topics")),
    FeatureGroup("viewer's country, age and device", (), ("country", "age", "device")),
)


@dataclass(frozen=True)
class Reference:
    """Distribution of the dense features over the exposures that a bundle keeps for comparison.

    Attributes:
      quantiles: [len(SHARES), len(DENSE_FEATURES)] float32, ascending.
    """

    quantiles: NDArray[np.float32]

    @property
    def typical(self) -> NDArray[np.float32]:
        """[len(DENSE_FEATURES)] medians."""
        return np.asarray(self.quantiles[len(SHARES) // 2])

    def share_below(self, dense: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where each value [len(DENSE_FEATURES)] lies among the exposures, 0 to 1; ties count half."""
        below = (self.quantiles < dense).mean(axis=0) + (self.quantiles <= dense).mean(axis=0)
        return np.asarray(below / 2, np.float32)


@dataclass(frozen=True)
class Reach:
    """A change of one feature that lifts a candidate's value to what it needs.

    Attributes:
      feature: its name.
      value, wanted: now, and the nearest tenth of the reference's distribution that suffices.
      share: how far that is, in shares of the reference's exposures, 0 to 1.
    """

    feature: str
    value: float
    wanted: float
    share: float


def read_reference(file: Path) -> Reference:
    """The reference of a bundle. Raises AttributionError when it cannot be read, or holds no exposure."""
    try:
        table = pq.read_table(file, columns=DENSE_FEATURES)
    except (OSError, KeyError, ValueError) as error:
        raise AttributionError(f"the reference {file} cannot be read: {error}; build the bundle again") from error
    if not table.num_rows:
        raise AttributionError(f"the reference {file} holds no exposure; train the ranker on a longer history")
    dense = np.column_stack([table.column(name).to_numpy() for name in DENSE_FEATURES])
    return Reference(np.quantile(np.nan_to_num(dense), SHARES, axis=0, method="nearest").astype(np.float32))


def group_changes(
    watched: Callable[[Inputs], NDArray[np.float32]], inputs: Inputs, reference: Reference
) -> NDArray[np.float64]:
    """How much each group raises the log-odds of a watch above what they are with typical values.

    Args:
      watched: inputs of n rows -> [n] uncalibrated probabilities.
      inputs: n candidates of one viewer.
      reference: gives the typical values.

    Returns:
      [n, len(GROUPS)]; 0 where the group says nothing for this candidate.
    """
    inputs = _whole(inputs, np.arange(len(inputs.video)))
    now = log_odds(watched(inputs))
    return np.stack([now - log_odds(watched(_typical(inputs, group, reference))) for group in GROUPS], axis=1)


def feature_changes(
    watched: Callable[[Inputs], NDArray[np.float32]], inputs: Inputs, reference: Reference
) -> NDArray[np.float64]:
    """The same for each dense feature alone and one candidate: inputs of one row -> [len(DENSE_FEATURES)]."""
    num = len(DENSE_FEATURES)
    rows = _whole(inputs, np.zeros(num + 1, np.int64))
    dense = rows.dense.copy()
    dense[np.arange(num), np.arange(num)] = reference.typical
    odds = log_odds(watched(replace(rows, dense=dense)))
    return np.asarray(odds[-1] - odds[:-1])


def reaches(
    value: Callable[[Inputs], NDArray[np.float32]], inputs: Inputs, reference: Reference, needed: float
) -> list[Reach]:
    """Every single dense feature that can lift the value of one candidate to `needed`, the nearest change first.

    Args:
      value: inputs of n rows -> [n] value.
      inputs: one row.
      reference: gives the values that a feature takes.
      needed: value to reach.
    """
    num, steps = len(DENSE_FEATURES), len(SHARES)
    rows = _whole(inputs, np.zeros(num * steps, np.int64))
    dense = rows.dense.copy()
    dense[np.arange(num * steps), np.repeat(np.arange(num), steps)] = reference.quantiles.T.ravel()
    reached = (value(replace(rows, dense=dense)) >= needed).reshape(num, steps)
    now = inputs.dense[0]
    distance = np.abs(SHARES[None, :] - reference.share_below(now)[:, None])
    # Neighbouring tenths may be one and the same value: the distance is to the value, not to its tenth.
    distance[now[:, None] == reference.quantiles.T] = 0
    distance[~reached | np.isin(DENSE_FEATURES, CLOCK)[:, None]] = np.inf
    step = distance.argmin(axis=1)
    share = distance[np.arange(num), step]
    found = [i for i in np.argsort(share, kind="stable") if np.isfinite(share[i])]
    wanted = reference.quantiles
    return [Reach(DENSE_FEATURES[i], float(now[i]), float(wanted[step[i], i]), float(share[i])) for i in found]


def _whole(inputs: Inputs, rows: NDArray[np.int64]) -> Inputs:
    """The candidates at `rows`, with as many rows in the viewer's columns."""
    columns = inputs.columns()
    one = {name: column for name, column in columns.items() if name in _VIEWER_COLUMNS and len(column) == 1}
    whole = {name: np.repeat(column, len(inputs.video), axis=0) for name, column in one.items()}
    return Inputs(**(columns | whole)).take(rows)


def _typical(inputs: Inputs, group: FeatureGroup, reference: Reference) -> Inputs:
    places = [DENSE_FEATURES.index(name) for name in group.dense]
    dense = inputs.dense.copy()
    dense[:, places] = reference.typical[places]
    unknown = {name: np.full_like(getattr(inputs, name), -1 if name == "age" else 0) for name in group.keys}
    return replace(inputs, dense=dense, **unknown)
