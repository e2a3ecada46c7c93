"""A page in the making: what the stages of the pipeline hand on. Candidates are columns; row i of each is one video."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.serving import ServingSettings
from models.snapshot_rows import SnapshotRows
from serving.budget import Budget
from serving.bundle import Bundle
from serving.request import PageRequest
from serving.snapshot import Rows, Snapshot
from serving.viewer import Viewer


@dataclass(frozen=True)
class Slate:
    """The page: row i is slot i.

    Attributes:
      index: [m] int64, position among the candidates.
      score: [m] float32, the value after diversity.
      propensity: [m] float32, probability that the policy put the video there, given the slots above.
      explored: [m] bool, True where exploration chose.
      team: [m] int8, whose pick it is (`models.interleaving`); None when the page has one ranker.
    """

    index: NDArray[np.int64]
    score: NDArray[np.float32]
    propensity: NDArray[np.float32]
    explored: NDArray[np.bool_]
    team: NDArray[np.int8] | None = None


@dataclass(frozen=True)
class Ranked:
    """The candidates of a draft in the order of their value.

    Attributes:
      score: [n] float32, the value after diversity.
      best: [num] candidates for the slots that do not explore, the best first.
      pool: [P] candidates that exploration may show.
      weight: [P] float64 above 0, how each is drawn.
    """

    score: NDArray[np.float32]
    best: NDArray[np.int64]
    pool: NDArray[np.int64]
    weight: NDArray[np.float64]


@dataclass
class Draft:
    """One request on its way through the stages.

    Attributes:
      exploration: probability that a slot explores.
      knob_arm: experiment that `exploration` comes from; empty for none.
      rows: [n] rows of the snapshot.
      source: [n] int8, position in `sources.SOURCES` of the source that proposed the video.
      seed: [n] row of the watched video that a candidate was looked up for; -1 for none.
      place: [n] float32, where its source put the candidate: 0 first, towards 1 at the end of the source's list.
      columns: column -> [n], filled by `hydrate`.
      heads: head -> [n] float32, calibrated; empty when no bundle scored.
      score: [n] float32, the worth of showing each candidate.
      ranked, slate: filled by `select`.
      degraded: parts that failed and were replaced.
      counts: figures of the request, such as `removed_watched`.
      stages_s: stage -> seconds that it took.
      budget: the page's deadline.
      without: sources that are not asked.
      most_ranked: candidates ranked at most; None for `serving.num_ranked`.
      pool: threads in which sources run side by side; None for one after the other.
      beside: threads that rank a part of the candidates; None when one thread ranks them all.
    """

    request_id: str
    request: PageRequest
    time: datetime
    viewer: Viewer
    snapshot: Snapshot
    bundle: Bundle | None
    settings: ServingSettings
    exploration: float
    knob_arm: str = ""
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    source: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    seed: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    place: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    heads: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    score: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    ranked: Ranked | None = None
    slate: Slate | None = None
    degraded: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    stages_s: dict[str, float] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    without: frozenset[str] = frozenset()
    most_ranked: int | None = None
    pool: Executor | None = None
    beside: Executor | None = None

    @property
    def time_us(self) -> int:
        """Time of the request in microseconds since 1970 UTC."""
        return int(self.time.timestamp() * 1_000_000)

    def rng(self, part: str) -> np.random.Generator:
        """The draws of one part of the page, made from the request's id, so that a page can be made again."""
        return np.random.default_rng([*part.encode(), int.from_bytes(self.request_id.encode()[-16:], "big")])

    def keep(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> None:
        """Go on with the candidates where `kept` [n] is True, or with those at positions."""
        self.rows, self.source, self.seed = self.rows[kept], self.source[kept], self.seed[kept]
        self.place = self.place[kept]
        if isinstance(self.columns, SnapshotRows):
            self.columns = self.columns.kept(kept)
