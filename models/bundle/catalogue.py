"""One snapshot as a release reads it: content by row, and what the ranker computes of a video before anyone asks."""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, aggregate_columns
from models.membership import distinct, positions
from models.ranking.examples import visible_history
from models.ranking.owners import PAIR_FEATURES, USER_FEATURES
from models.ranking.page_scores import PageScores
from models.request_features import request_features
from models.snapshot_rows import SnapshotRows
from models.video_table import video_table

_VIEWER = ("device", "country", "language", "age")
#: Titles are left out: nothing that is asked of a request reads them.
_CONTENT = ["video", "channel", "topics", "language", "uploaded", "duration_s"]
#: Videos that the ranker reads in one call: what numpy does with so many keeps Python's lock for less than 1 ms, and
#: TensorFlow the cores for a few.
_BLOCK = 2_048


class Catalogue:
    """The videos of one snapshot, whose row i is row i here.

    Attributes:
      source: the snapshot.
      table: content of the videos.
    """

    def __init__(self, source: pa.Table, ranker: Any, scores: PageScores) -> None:
        """`source` is sorted by video; `ranker` is a loaded SavedModel of `SavedRanker`, `scores` of `page_scores`."""
        self.source, self.table = source, video_table(source.select(_CONTENT))
        self._graphs, self._scores = ranker.signatures, scores
        self._is_prepared = False

    def prepared(self) -> "Catalogue":
        """The same, with everything made now that a request would wait for."""
        self.table.topic_of_channel(self.table.channels[:0])
        self._parts = {
            "channel": self._entities("channel", self.table.channels),
            "topic": self._entities("topic", self.table.topics[:, 0]),
        }
        self._videos = self._prepared_videos()
        self._is_prepared = True
        return self

    def holds(self, candidates: Mapping[str, Any]) -> bool:
        """Whether `candidates` are rows of this snapshot, and it is prepared."""
        return self._is_prepared and isinstance(candidates, SnapshotRows) and candidates.table is self.source

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
          viewer: `examples.viewer_row` of it.
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
        # `take` of whole rows is half the work of an index in brackets.
        channels, topics_of = (part.take(place.take(rows), axis=0) for part, place in self._parts.values())
        videos = self._videos.take(rows, axis=0)
        return self._scores(videos, channels, topics_of, pair, seen | {"history_fractions": fractions}, beside).T

    def _candidates(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        table = self.table
        return {
            "channel": table.channels.take(rows),
            "topic": table.topics[rows, 0],
            "language": table.languages.take(rows),
            "uploaded": table.uploaded.take(rows),
            "duration_s": table.duration_s.take(rows),
        }

    def _entities(self, of: str, keys: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """What the ranker computes of each distinct key of channels or topics, and the place there of each row."""
        import tensorflow as tf

        # `np.unique` keeps Python's lock while it sorts, and with it every page.
        first = distinct(keys)
        place = positions(keys[first], keys)
        dense = _dense({name: self.source.column(name).to_numpy()[first] for name in aggregate_columns(of)}, len(first))
        answer = self._graphs[f"{of}s"](dense=tf.constant(dense))
        return answer["output_0"].numpy(), place.astype(np.int32)

    def _prepared_videos(self) -> NDArray[np.float32]:
        """What the ranker computes of each video, [v, .]."""
        import tensorflow as tf

        table, num = self.table, len(self.table)
        own = {name: self.source.column(name).to_numpy() for name in aggregate_columns("video")}
        own["video_duration_s"] = table.duration_s
        keys = {"video": table.keys, "channel": table.channels, "language": table.languages}
        keys |= {"topic": table.topics[:, 0], "side_topics": table.topics[:, 1:]}
        prepared = None
        for at in range(0, max(num, 1), _BLOCK):
            block = slice(at, at + _BLOCK)
            size = len(table.keys[block])
            dense = _dense({name: column[block] for name, column in own.items()}, size)
            columns = {name: tf.constant(np.ascontiguousarray(column[block])) for name, column in keys.items()}
            answer = self._graphs["videos"](dense=tf.constant(dense), **columns)["output_0"].numpy()
            if prepared is None:
                prepared = np.empty((num, answer.shape[1]), np.float32)
            prepared[block] = answer
        assert prepared is not None
        return prepared


def page_scores(ranker: Any) -> PageScores:
    """What scores a page by a loaded SavedModel of `SavedRanker`."""
    weights = ranker.signatures["page_weights"]()
    return PageScores({name: weight.numpy() for name, weight in weights.items()})


def _dense(columns: Mapping[str, NDArray[np.float32]], num: int) -> NDArray[np.float32]:
    """A matrix of dense features [num, len(DENSE_FEATURES)] with the given columns, 0 elsewhere."""
    dense = np.zeros((num, len(DENSE_FEATURES)), np.float32)
    for name, column in columns.items():
        dense[:, DENSE_FEATURES.index(name)] = column
    return np.nan_to_num(dense, copy=False)
