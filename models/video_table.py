"""The catalogue as columns of numpy arrays, sorted by key: one row per video."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.history import microseconds, string_keys
from models.membership import places

#: Topics of one video that the towers read; the main one is first.
MAX_TOPICS = 4


@dataclass(frozen=True)
class VideoTable:
    """Content of v videos.

    Attributes:
      keys: [v] int64, ascending.
      channels: [v] key of the channel.
      topics: [v, MAX_TOPICS] keys, main topic first, zeros behind.
      languages: [v] key, 0 unknown.
      uploaded: [v] microseconds since 1970 UTC.
      duration_s: [v] float32.
      titles: [v] str, empty where the catalogue had none.
      channel_topics: what `counted_topics` says, where it is known already.
    """

    keys: NDArray[np.int64]
    channels: NDArray[np.int64]
    topics: NDArray[np.int64]
    languages: NDArray[np.int64]
    uploaded: NDArray[np.int64]
    duration_s: NDArray[np.float32]
    titles: NDArray[Any]
    channel_topics: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each key, of any shape; -1 for a video that is not in the table."""
        return places(self.keys, keys)

    def topic_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key of the main topic of each video, of any shape; 0 for an unknown one."""
        return self.topics_at(self.rows(keys))

    def topics_at(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same at rows of any shape, -1 for an unknown video."""
        return _at(self.topics[:, 0], rows)

    def side_topics_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keys of the topics of each video beside its main one, [n] -> [n, MAX_TOPICS - 1]; 0 pads."""
        return _at(self.topics[:, 1:], self.rows(keys))

    def language_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key of the language of each video, of any shape; 0 for an unknown one."""
        return self.languages_at(self.rows(keys))

    def languages_at(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same at rows of any shape, -1 for an unknown video."""
        return _at(self.languages, rows)

    def channel_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key of the channel of each video, of any shape; 0 for an unknown one."""
        return self.channels_at(self.rows(keys))

    def channels_at(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same at rows of any shape, -1 for an unknown video."""
        return _at(self.channels, rows)

    def topic_of_channel(self, channels: NDArray[np.int64]) -> NDArray[np.int64]:
        """The topic that most videos of each channel have as their main one, of any shape; 0 for an unknown channel."""
        known, topics = self.channel_topics or self.counted_topics
        if not len(known):
            return np.zeros(np.shape(channels), np.int64)
        found = np.minimum(np.searchsorted(known, channels), len(known) - 1)
        return np.where(known[found] == channels, topics[found], 0)

    @cached_property
    def counted_topics(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Channels, ascending, and the most frequent main topic of each; of two as frequent the smaller key."""
        # `np.unique` of pairs keeps Python's lock for a second at a million videos, and with it every request.
        order = np.lexsort((self.topics[:, 0], self.channels))
        channels, topics = self.channels[order], self.topics[order, 0]
        starts = np.flatnonzero(_begins(channels) | _begins(topics))
        counts = np.diff(starts, append=len(channels))
        most = np.lexsort((-counts, channels[starts]))
        pairs = starts[most][_begins(channels[starts][most])]
        return channels[pairs], topics[pairs]


def _begins(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[n] True where a run of equal values begins."""
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    return begins


def _at(column: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The column [v, ...] at rows of any shape; 0 at row -1."""
    if not len(column):
        return np.zeros((*rows.shape, *column.shape[1:]), np.int64)
    known = rows >= 0
    return np.asarray(column[rows] * known.reshape(known.shape + (1,) * (column.ndim - 1)))


def video_table(catalogue: pa.Table) -> VideoTable:
    """The table of a catalogue or of a snapshot.

    Args:
      catalogue: `video`, `channel`, `topics`, `language`, `uploaded`, `duration_s` and, if titles are read, `title`;
        one row per video.
    """
    catalogue = catalogue.sort_by("video")
    topics = catalogue.column("topics").combine_chunks()
    first = pc.list_slice(topics, 0, MAX_TOPICS)
    sizes = np.asarray(first.value_lengths().fill_null(0), np.int64)
    flat = string_keys(first.flatten())
    matrix = np.zeros((len(catalogue), MAX_TOPICS), np.int64)
    matrix[np.arange(MAX_TOPICS)[None, :] < sizes[:, None]] = flat
    return VideoTable(
        keys=catalogue.column("video").to_numpy(),
        channels=catalogue.column("channel").to_numpy(),
        topics=matrix,
        languages=string_keys(catalogue.column("language")),
        uploaded=microseconds(catalogue.column("uploaded")),
        duration_s=np.nan_to_num(catalogue.column("duration_s").to_numpy(zero_copy_only=False).astype(np.float32)),
        titles=np.asarray(catalogue.column("title").fill_null("").to_pylist(), dtype=object)
        if "title" in catalogue.column_names
        # One string for all: writing it a million times would keep every page waiting.
        else np.broadcast_to(np.asarray("", object), len(catalogue)),
    )
