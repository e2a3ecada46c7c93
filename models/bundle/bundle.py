"""A loaded bundle: everything that answers a request, without a line of training code."""

import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import TARGETS, aggregate_columns
from homefeed.manifest import Manifest
from models.bundle.candidate_vectors import new_vectors
from models.bundle.catalogue import Catalogue
from models.bundle.graphs import Graphs
from models.bundle.page_weights import PageWeights
from models.bundle.preparation import prepare
from models.index import Change, Rest, Searchable
from models.index.similar import similar
from models.membership import places
from models.ranking.adjustment import Adjustment
from models.ranking.calibration import Calibrator
from models.ranking.columns import viewer_alone, viewer_row
from models.ranking.examples import Inputs
from models.ranking.request_inputs import request_inputs
from models.snapshot_rows import SnapshotRows
from models.value import Value, value, value_parts
from models.video_table import VideoTable

_logger = logging.getLogger(__name__)
_WARM_UP = 1000
_HISTORY = ("history_videos", "history_times", "history_fractions")


@dataclass(frozen=True)
class Shape:
    """Lengths of the histories: the one the features keep, and how much of it each model reads."""

    history_length: int
    query_history_length: int
    ranker_history_length: int


class Bundle:
    """One release, ready to answer. Reading is safe from several threads while one calls `refresh`.

    Attributes:
      release: id.
      path: its folder.
      manifest: its lineage and metrics.
      vectors: [v, d] float32 of the videos that it was built with, the bias last; mapped into memory.
      videos: [v] int64 keys, in the order of `vectors`.
      index: what is searched; `refresh` keeps it to the newest catalogue.
      snapshot: candidate features as they were when the bundle was made.
    """

    def __init__(
        self,
        *,
        release: str,
        path: Path,
        manifest: Manifest,
        vectors: NDArray[np.float32],
        videos: NDArray[np.int64],
        index: Searchable,
        networks: PageWeights,
        calibrators: Mapping[str, Calibrator],
        weights: Mapping[str, float],
        shape: Shape,
        snapshot: pa.Table,
    ) -> None:
        self.release, self.path, self.manifest = release, path, manifest
        self.vectors, self.videos, self.index, self.snapshot = vectors, videos, index, snapshot
        self._networks, self._graphs = networks, Graphs(path)
        self._adjustment, self._weights, self._shape = Adjustment(calibrators), weights, shape
        # Two, until `forget`: requests that began with the older snapshot are still answered.
        self._catalogues: tuple[Catalogue, ...] = (Catalogue(snapshot, networks.scores),)

    @property
    def catalogue(self) -> VideoTable:
        """Content of the videos that histories are looked up in."""
        return self._catalogues[0].table

    def refresh(self, snapshot: pa.Table, time: datetime, rest: Rest | None = None) -> None:
        """Know the videos of a newer snapshot, and no others: a history holding a new upload counts for its topic and
        channel, the index finds the upload, and it finds nothing that was withdrawn.

        Args:
          snapshot: every video that may be shown.
          time: end of the snapshot's window, for which the vectors of new videos are computed.
          rest: called between small steps of work where pages are made meanwhile.
        """
        newest = Catalogue(snapshot, self._networks.scores, prepare(self._networks.parts, snapshot, rest))
        self._rehearse(newest)
        self._catalogues = (newest, self._catalogues[0])

        def vectors_of(missing: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            return new_vectors(self._networks.candidates, snapshot, missing, time, rest)

        change = self.index.hold(snapshot.column("video").to_numpy(), vectors_of, rest)
        if change != Change():
            _logger.info("release %s, snapshot to %s: %s", self.release, time.isoformat(), change)

    def forget(self) -> None:
        """Forget the snapshot before the newest, 0.6 GiB at a million videos, as no request that began with it is left;
        and the graphs, which no page needs."""
        self._catalogues = self._catalogues[:1]
        self._graphs.close()

    def query(self, user: Mapping[str, Any], time: datetime) -> NDArray[np.float32]:
        """The query vector of a viewer, [d].

        Args:
          user: a row of the online store: `history_videos`, `history_times` [microseconds], `history_fractions`,
            `country`, `language`, `age`.
          time: of the request; later watches are not looked at.
        """
        viewer = viewer_alone(user, time, "", self._shape.query_history_length)
        known = (viewer["history_times"] > 0) & (viewer["history_times"] < viewer["time"][:, None])
        return self._networks.query(viewer | {name: viewer[name][known][None, :] for name in _HISTORY})

    def queries(self, viewers: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Query vectors of q viewers, [q, d], from the columns that `SavedTowers.query` names."""
        import tensorflow as tf

        columns = {name: tf.constant(column) for name, column in viewers.items()}
        return np.asarray(self._graphs.towers.signatures["query"](**columns)["output_0"].numpy())

    def search(self, vector: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `k` videos nearest to a query vector [d]: keys [k], scores [k], best first."""
        return self.index.search(vector, k)

    def similar(self, videos: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`models.index.similar` in this index: keys [m] -> keys [n], and for each the place [n] of what it is like."""
        return similar(self.index, videos, k)

    def score(
        self,
        user: Mapping[str, Any],
        candidates: Mapping[str, Any],
        context: Mapping[str, Any],
        beside: Executor | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Calibrated and corrected heads of n candidates for one viewer, the slot hidden.

        Rows of a snapshot that it does not know are ranked by what the newest that it knows says of the same videos;
        those that are not in it have heads of 0.

        Args:
          user: a row of the online store: the columns of `user_state` and of `user_aggregates`; None is unknown.
          candidates: columns of the snapshot, [n] each.
          context: `time` (timezone-aware) and `device`.
          beside: threads that rank a part of the candidates beside this one.

        Returns:
          target -> [n] float32: probabilities, and `watch_s` in seconds.
        """
        catalogue = next((c for c in self._catalogues if c.holds(candidates)), None)
        if catalogue is not None:
            return self._scored(catalogue, user, candidates["row"], context, beside)
        newest = self._catalogues[0]
        if not newest.is_prepared or not isinstance(candidates, SnapshotRows):
            return self.heads(self.inputs(user, candidates, context))
        # Of a snapshot that it was never told of, or has forgotten.
        rows = places(newest.table.keys, candidates["video"])
        known = rows >= 0
        found = self._scored(newest, user, rows[known], context, beside)
        heads = {target: np.zeros(len(rows), np.float32) for target in found}
        for target, head in found.items():
            heads[target][known] = head
        return heads

    def _scored(
        self,
        catalogue: Catalogue,
        user: Mapping[str, Any],
        rows: NDArray[np.int64],
        context: Mapping[str, Any],
        beside: Executor | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        if not len(rows):
            return {target: np.zeros(0, np.float32) for target in TARGETS}
        viewer = viewer_row(user, context["time"], context["device"], catalogue.table, self._shape.history_length)
        raw = catalogue.heads(user, viewer, rows, self._shape.ranker_history_length, beside)
        return self._adjustment(raw, catalogue.table.keys.take(rows))

    def inputs(self, user: Mapping[str, Any], candidates: Mapping[str, Any], context: Mapping[str, Any]) -> Inputs:
        """What the ranker reads for `score`; the service samples it into the log for skew monitoring."""
        lengths = self._shape.history_length, self._shape.ranker_history_length
        return request_inputs(user, candidates, context, self.catalogue, *lengths)

    def heads(self, inputs: Inputs) -> dict[str, NDArray[np.float32]]:
        """Calibrated and corrected heads of any inputs: also of exposures, when a release is evaluated."""
        return self._adjustment(self.uncalibrated(inputs), inputs.video)

    def uncalibrated(self, inputs: Inputs) -> NDArray[np.float32]:
        """What the ranker says before its heads are calibrated, [n, len(TARGETS)] in the order of TARGETS."""
        return np.asarray(self._graphs.ranker.score(inputs.columns()).numpy(), np.float32)

    @property
    def calibrators(self) -> Mapping[str, Calibrator]:
        """The calibrator of each head that answers now."""
        return self._adjustment.calibrators

    @property
    def adjustment(self) -> Adjustment:
        """The calibrators and the corrections of videos that answer now: of a release that was not recalibrated, those
        that it was built with and none."""
        return self._adjustment

    def recalibrate(self, adjustment: Adjustment) -> None:
        """Answer with another adjustment from now on; a request in flight keeps the one that it began with."""
        self._adjustment = adjustment

    def value(self, heads: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """The score a page is ranked by, [n], with the weights that travel in the bundle."""
        return value(heads, self._weights)

    def value_parts(self, heads: Mapping[str, NDArray[np.float32]]) -> Value:
        """The same score with what it is made of."""
        return value_parts(heads, self._weights)

    @property
    def weights(self) -> Mapping[str, float]:
        """The worth of one unit of each head."""
        return self._weights

    @property
    def shape(self) -> Shape:
        """Lengths of the histories."""
        return self._shape

    def warm_up(self) -> None:
        """Search once, so that the first viewer does not wait for what a first time takes."""
        self.search(self.query(_nobody(), datetime.now(UTC)), _WARM_UP)

    def _rehearse(self, catalogue: Catalogue) -> None:
        """Rank once, for the same reason."""
        rows = np.arange(min(_WARM_UP, len(catalogue.table)))
        self.value(self._scored(catalogue, _nobody(), rows, {"time": datetime.now(UTC), "device": ""}))


def _nobody() -> dict[str, Any]:
    """A row of the online store of a viewer whom nobody knows."""
    row: dict[str, Any] = dict.fromkeys(aggregate_columns("user"), 0.0)
    return row | dict.fromkeys((*_HISTORY, "subscribed_channels", "country", "language", "age"))
