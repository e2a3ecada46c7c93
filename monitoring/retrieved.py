"""What the retriever of a release finds of what viewers watched: asked of the bundle itself, so that what was damaged
after its training shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.history import microseconds, padded, string_keys
from models.membership import places
from monitoring.evidence import Bundle

#: Length of the list that a watched video is looked for in.
LIST = 100
_HISTORY: dict[str, type[np.generic]] = {
    "history_videos": np.int64,
    "history_times": np.int64,
    "history_fractions": np.float32,
}
#: Numbers of one block of scores: half a gigabyte.
_BLOCK = 1 << 27


@dataclass(frozen=True)
class Wanted:
    """n watches that impressions led to, with their viewers as they were at the impression.

    Attributes:
      users: [n] key of the viewer.
      videos: [n] key of the watched video.
      viewers: [n, ...] columns of `Bundle.queries`.
    """

    users: NDArray[np.int64]
    videos: NDArray[np.int64]
    viewers: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: NDArray[np.int64]) -> "Wanted":
        """The watches at `index` [m]."""
        return Wanted(self.users[index], self.videos[index], {n: column[index] for n, column in self.viewers.items()})


def read_wanted(settings: Settings, bundle: Bundle, first: str, last: str, most: int) -> Wanted:
    """The newest `most` watches of people in windows `first` to `last`, both included.

    Args:
      settings: the settings tree.
      bundle: gives the length of the history that its query tower reads.
      first, last: windows.
      most: upper bound.
    """
    from models.ranking.closed_windows import read_exposures

    rows, _ = read_exposures(settings, bundle.shape, first, last, 1)
    return wanted_of(rows.filter(rows["watched"]), bundle.shape.query_history_length, most)


def wanted_of(rows: pa.Table, length: int, most: int) -> Wanted:
    """`Wanted` from watched exposures with the columns of `user_state`, in order of time."""
    rows = rows.slice(max(0, rows.num_rows - most))
    times = microseconds(rows["time"])
    past = {name: padded(rows[name], length, dtype) for name, dtype in _HISTORY.items()}
    known = (past["history_times"] > 0) & (past["history_times"] < times[:, None])
    # The query tower reads a history from the left.
    order = np.argsort(~known, axis=1, kind="stable")
    viewers = {name: np.take_along_axis(np.where(known, column, 0), order, axis=1) for name, column in past.items()}
    profile = {name: string_keys(rows[name]) for name in ("country", "language")}
    age = pc.fill_null(rows["age"], -1).to_numpy().astype(np.int32)
    return Wanted(rows["user"].to_numpy(), rows["video"].to_numpy(), {**viewers, **profile, "time": times, "age": age})


def ranks(bundle: Bundle, wanted: Wanted) -> NDArray[np.float64]:
    """Rank of each watched video among those of the bundle that its viewer had not watched, by the bundle's towers: 0
    first, the mean among equal scores, [n]; NaN for one that the bundle does not know or that was watched before."""
    order = np.argsort(bundle.videos, kind="stable")
    known = bundle.videos[order]

    def rows_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
        place = places(known, keys)
        return np.where(place >= 0, order[place], -1)

    found = np.full(len(wanted), np.nan)
    if not len(order) or not len(wanted):
        return found
    queries, vectors = bundle.queries(wanted.viewers), np.asarray(bundle.vectors)
    target, watched = rows_of(wanted.videos), rows_of(wanted.viewers["history_videos"])
    size = max(1, _BLOCK // len(order))
    for first in range(0, len(wanted), size):
        at = np.arange(first, min(first + size, len(wanted)))
        table = queries[at] @ vectors.T
        query, column = np.nonzero(watched[at] >= 0)
        table[query, watched[at][query, column]] = -np.inf
        own = table[np.arange(len(at)), target[at]][:, None]
        above, equal = (table > own).sum(axis=1), (table == own).sum(axis=1) - 1
        found[at] = np.where((target[at] >= 0) & np.isfinite(own[:, 0]), above + equal / 2, np.nan)
    return found
