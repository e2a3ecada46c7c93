"""One snapshot as a release reads it: content by row, and what the ranker computes of a video before anyone asks."""

from collections.abc import Mapping
from concurrent.futures import Executor
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.bundle.preparation import Prepared
from models.ranking.examples import visible_history
from models.ranking.owners import PAIR_FEATURES, USER_FEATURES
from models.ranking.page_scores import PageScores
from models.request_features import request_features
from models.snapshot_rows import SnapshotRows
from models.video_table import CONTENT, VideoTable, video_table

_VIEWER = ("device", "country", "language", "age")


class Catalogue:
    """The videos of one snapshot, whose row i is row i here.

    Attributes:
      source: the snapshot.
    """

    def __init__(self, source: pa.Table, scores: PageScores, prepared: Prepared | None = None) -> None:
        """`source` is sorted by video; without what was `prepared` of it nothing can be ranked."""
        self.source, self._scores, self._prepared = source, scores, prepared

    @cached_property
    def table(self) -> VideoTable:
        """Content of the videos."""
        return video_table(self.source.select(CONTENT)) if self._prepared is None else self._prepared.table

    @property
    def is_prepared(self) -> bool:
        """Whether its videos can be ranked."""
        return self._prepared is not None

    def holds(self, candidates: Mapping[str, Any]) -> bool:
        """Whether `candidates` are rows of this snapshot, and it is prepared."""
        return self.is_prepared and isinstance(candidates, SnapshotRows) and candidates.table is self.source

    def heads(
        self,
        user: Mapping[str, Any],
        viewer: Mapping[str, NDArray[Any]],
        rows: NDArray[np.int64],
        history_length: int,
        beside: Executor | None = None,
    ) -> NDArray[np.float32]:
        """Uncalibrated heads of rows [n] for one viewer, the slot hidden, [n, len(TARGETS)].

        Args:
          user: a row of the online store, for its aggregates.
          viewer: `columns.viewer_row` of it.
          rows: at least one.
          history_length: newest watches that the network reads.
          beside: threads that rank a part of the rows beside this one.
        """
        requested = request_features(viewer, self._candidates(rows))
        alone = [requested[name][0] if name in requested else user[name] or 0 for name in USER_FEATURES]
        topics, fractions = visible_history(viewer, history_length)
        seen = {name: viewer[name] for name in _VIEWER}
        seen |= {"dense": np.nan_to_num(np.array([alone], np.float32)), "history_topics": topics}
        pair = np.stack([requested[name] for name in PAIR_FEATURES])
        # The sum is finite only if all of it is, and the rule.
        if not np.isfinite(pair.sum()):
            np.nan_to_num(pair, copy=False)
        known = self._prepared
        assert known is not None
        # `take` of whole rows is half the work of an index in brackets.
        videos = known.videos.take(rows, axis=0)
        channels = known.of_channels.take(known.channel_row.take(rows), axis=0)
        seen["history_fractions"] = fractions
        return self._scores(videos, channels, known.of_topics, known.topic_row.take(rows), pair, seen, beside).T

    def _candidates(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        table = self.table
        topics = table.topics.take(rows, axis=0)
        return {
            "channel": table.channels.take(rows),
            "topic": topics[:, 0],
            "side_topics": topics[:, 1:],
            "language": table.languages.take(rows),
            "uploaded": table.uploaded.take(rows),
            "duration_s": table.duration_s.take(rows),
        }
