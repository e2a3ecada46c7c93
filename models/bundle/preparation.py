"""What the networks of a release say of the videos of a snapshot before anyone asks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, aggregate_columns
from models.bundle.candidate_vectors import new_vectors
from models.bundle.graphs import Graphs
from models.membership import distinct, positions
from models.video_table import VideoTable, video_table

#: Content that a request asks of a catalogue.
CONTENT = ("video", "channel", "topics", "language", "uploaded", "duration_s")
#: What `prepare` reads of a snapshot.
READ = (
    *CONTENT,
    "title",
    *(name for entity in ("video", "channel", "topic") for name in aggregate_columns(entity)),
)
#: Videos that the ranker reads in one call: few enough for the memory of one block to be used again by the next.
_BLOCK = 2_048


class Prepared(NamedTuple):
    """Of a snapshot of v videos.

    Attributes:
      keys, channels, topics, languages, uploaded, duration_s: columns of its `VideoTable`.
      known_channels, channel_topics: its `counted_topics`.
      videos: [v, .] what the ranker computes of each video.
      of_channels, channel_row: [c, .] what it computes of each channel, and the row there of each video's, [v].
      of_topics, topic_row: [t, .], [v] the same of main topics.
      new, vectors: [n] keys of videos that the index lacks, [n, d] their vectors.
    """

    keys: NDArray[np.int64]
    channels: NDArray[np.int64]
    topics: NDArray[np.int64]
    languages: NDArray[np.int64]
    uploaded: NDArray[np.int64]
    duration_s: NDArray[np.float32]
    known_channels: NDArray[np.int64]
    channel_topics: NDArray[np.int64]
    videos: NDArray[np.float32]
    of_channels: NDArray[np.float32]
    channel_row: NDArray[np.int32]
    of_topics: NDArray[np.float32]
    topic_row: NDArray[np.int32]
    new: NDArray[np.int64]
    vectors: NDArray[np.float32]

    @property
    def table(self) -> VideoTable:
        """Content of its videos, without titles: nothing that is asked reads one."""
        titles = np.broadcast_to(np.asarray("", object), len(self.keys))
        return VideoTable(*self[:6], titles, (self.known_channels, self.channel_topics))

    def vectors_of(self, wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Those of `new` that are `wanted` [m], and their vectors."""
        found = np.isin(self.new, wanted)
        return self.new[found], self.vectors[found]


def prepare(graphs: Graphs, snapshot: pa.Table, missing: NDArray[np.int64], time: datetime) -> Prepared:
    """Compute it in this process.

    Args:
      graphs: of the release.
      snapshot: the columns `READ` of it at least, sorted by video.
      missing: [m] keys of its videos that the index lacks; those without a finite vector stay out of it.
      time: end of the snapshot's window, for which the vectors are computed.
    """
    ranker, table = graphs.ranker.signatures, video_table(snapshot.select(CONTENT))
    content = (table.keys, table.channels, table.topics, table.languages, table.uploaded, table.duration_s)
    of_channels = _entities(ranker["channels"], snapshot, "channel", table.channels)
    of_topics = _entities(ranker["topics"], snapshot, "topic", table.topics[:, 0])
    videos = _videos(ranker["videos"], snapshot, table)
    new, vectors = missing[:0], np.zeros((0, 0), np.float32)
    if len(missing):
        new, vectors = new_vectors(graphs.towers, snapshot, missing, time)
    return Prepared(*content, *table.counted_topics, videos, *of_channels, *of_topics, new, vectors)


def _entities(
    graph: Any, snapshot: pa.Table, of: str, keys: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """What the ranker computes of each distinct key of channels or topics, and the place there of each row."""
    import tensorflow as tf

    # `np.unique` would keep Python's lock while it sorts, and with it every page that is made beside it.
    first = distinct(keys)
    place = positions(keys[first], keys)
    dense = _dense({name: snapshot.column(name).to_numpy()[first] for name in aggregate_columns(of)}, len(first))
    # A topic has weights of its own in the ranker; a channel's are among those of its videos.
    own = {"topic": tf.constant(keys[first])} if of == "topic" else {}
    return graph(dense=tf.constant(dense), **own)["output_0"].numpy(), place.astype(np.int32)


def _videos(graph: Any, snapshot: pa.Table, table: VideoTable) -> NDArray[np.float32]:
    """What the ranker computes of each video, [v, .]."""
    import tensorflow as tf

    num = len(table)
    own = {name: snapshot.column(name).to_numpy() for name in aggregate_columns("video")}
    own["video_duration_s"] = table.duration_s
    keys = {"video": table.keys, "channel": table.channels, "language": table.languages}
    keys |= {"topic": table.topics[:, 0], "side_topics": table.topics[:, 1:]}
    prepared = None
    for at in range(0, max(num, 1), _BLOCK):
        block = slice(at, at + _BLOCK)
        dense = _dense({name: column[block] for name, column in own.items()}, len(table.keys[block]))
        columns = {name: tf.constant(np.ascontiguousarray(column[block])) for name, column in keys.items()}
        answer = graph(dense=tf.constant(dense), **columns)["output_0"].numpy()
        if prepared is None:
            prepared = np.empty((num, answer.shape[1]), np.float32)
        prepared[block] = answer
    assert prepared is not None
    return prepared


def _dense(columns: Mapping[str, NDArray[np.float32]], num: int) -> NDArray[np.float32]:
    """A matrix of dense features [num, len(DENSE_FEATURES)] with the given columns, 0 elsewhere."""
    dense = np.zeros((num, len(DENSE_FEATURES)), np.float32)
    for name, column in columns.items():
        dense[:, DENSE_FEATURES.index(name)] = column
    return np.nan_to_num(dense, copy=False)
