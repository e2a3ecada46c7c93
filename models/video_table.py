"""The catalogue as columns of numpy arrays, sorted by key: one row per video."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.history import microseconds, string_keys
from models.membership import places

#: Columns that a table is made of, beside `title`.
CONTENT = ("video", "channel", "topics", "language", "uploaded", "duration_s")
#: Topics of one video that the towers read; the main one is first.
MAX_TOPICS = 4
#: Videos that are read at once, in a few milliseconds.
_BLOCK = 2_048


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
    """

    keys: NDArray[np.int64]
    channels: NDArray[np.int64]
    topics: NDArray[np.int64]
    languages: NDArray[np.int64]
    uploaded: NDArray[np.int64]
    duration_s: NDArray[np.float32]
    titles: NDArray[Any]

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
        known, topics = self.counted_topics
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


def video_table(catalogue: pa.Table, rest: Callable[[], object] = lambda: None) -> VideoTable:
    """The table of a catalogue or of a snapshot.

    Args:
      catalogue: `CONTENT` and, if titles are read, `title`; one row per video.
      rest: called after each small step.
    """
    keys = catalogue.column("video").to_numpy()
    if np.any(keys[1:] < keys[:-1]):
        catalogue = catalogue.sort_by("video")
    num = len(catalogue)
    table = VideoTable(
        keys=np.empty(num, np.int64),
        channels=np.empty(num, np.int64),
        topics=np.zeros((num, MAX_TOPICS), np.int64),
        languages=np.empty(num, np.int64),
        uploaded=np.empty(num, np.int64),
        duration_s=np.empty(num, np.float32),
        # One string for all: writing it a million times would keep every page waiting.
        titles=np.empty(num, object) if "title" in catalogue.column_names else np.broadcast_to("", num),
    )
    for first in range(0, num, _BLOCK):
        _fill(table, slice(first, first + _BLOCK), catalogue.slice(first, _BLOCK))
        rest()
    return table


def _fill(table: VideoTable, block: slice, rows: pa.Table) -> None:
    table.keys[block] = rows.column("video").to_numpy()
    table.channels[block] = rows.column("channel").to_numpy()
    table.languages[block] = string_keys(rows.column("language"))
    table.uploaded[block] = microseconds(rows.column("uploaded"))
    table.duration_s[block] = np.nan_to_num(rows.column("duration_s").to_numpy(zero_copy_only=False).astype(np.float32))
    topics = pc.list_slice(rows.column("topics").combine_chunks(), 0, MAX_TOPICS)
    sizes = np.asarray(topics.value_lengths().fill_null(0), np.int64)
    table.topics[block][np.arange(MAX_TOPICS) < sizes[:, None]] = string_keys(topics.flatten())
    if "title" in rows.column_names:
        table.titles[block] = rows.column("title").fill_null("").to_pylist()
