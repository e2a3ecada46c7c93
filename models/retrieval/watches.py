"""Watches as arrays, for the query tower: the training stream, the histories of queries, and counts up to a time."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.windows import WINDOW_S
from models.history import microseconds
from models.video_table import VideoTable

_WINDOW_US = WINDOW_S * 1_000_000
#: Windows that a video's count of watches looks back: one hour, one day, seven days.
COUNT_SPANS = (6, 144, 1008)
#: Larger than any window number, so that (video row, window) packs into one integer.
_MANY_WINDOWS = 1 << 24


def window_number(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the window that holds each time (microseconds), of any shape."""
    return times // _WINDOW_US


@dataclass(frozen=True)
class Order:
    """Watches as one ascending column, so that a search finds where a viewer's watches before a time end.

    Attributes:
      users: [u] distinct keys, ascending, whose watches begin at `starts` [u + 1].
      times: distinct times, ascending; ranks of times instead of times, so that (viewer, rank) fits one integer.
      packed: [n] place in `users` times `scale` plus rank of the time.
    """

    users: NDArray[np.int64]
    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    packed: NDArray[np.int64]
    scale: int


@dataclass(frozen=True)
class Watches:
    """n watches in order of user, then time.

    Attributes:
      users: [n] key.
      videos: [n] row of the `VideoTable`.
      times: [n] microseconds.
      fractions: [n] share of the video that was watched.
    """

    users: NDArray[np.int64]
    videos: NDArray[np.int64]
    times: NDArray[np.int64]
    fractions: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> "Watches":
        """The watches at `index`, a mask or positions that keep the order."""
        return Watches(self.users[index], self.videos[index], self.times[index], self.fractions[index])

    @cached_property
    def order(self) -> Order:
        """What `spans` searches, made once."""
        users, first = np.unique(self.users, return_index=True)
        times, rank = np.unique(self.times, return_inverse=True)
        starts, scale = np.append(first, len(self)), len(times) + 1
        return Order(users, starts, times, np.repeat(np.arange(len(users)), np.diff(starts)) * scale + rank, scale)

    def newest(self, most: int) -> "Watches":
        """The newest `most` of them, in the same order."""
        return self.take(np.sort(np.argsort(-self.times, kind="stable")[:most]))


def watches_of(sequences: pa.Table, table: VideoTable) -> Watches:
    """Watches of videos that the table knows.

    Args:
      sequences: `user`, `video`, `time`, `fraction`, one row per watch.
      table: the catalogue.
    """
    rows = table.rows(sequences.column("video").to_numpy())
    times = microseconds(sequences.column("time"))
    users = sequences.column("user").to_numpy()
    fractions = np.nan_to_num(sequences.column("fraction").to_numpy(zero_copy_only=False).astype(np.float32))
    order = np.lexsort((rows, times, users))
    return Watches(users, rows, times, np.clip(fractions, 0, 1)).take(order[rows[order] >= 0])


@dataclass(frozen=True)
class Stream:
    """Watches packed into r rows of l tokens; a row may hold several viewers, who do not see each other.

    Attributes:
      watch: [r, l] position in `Watches`; -1 pads the end.
      segment: [r, l] number of the viewer's run inside the row.
      position: [r, l] place inside the run, 0 first.
      complete: [r, l] True where the watches before this one are in the row, or there are none.
    """

    watch: NDArray[np.int64]
    segment: NDArray[np.int64]
    position: NDArray[np.int64]
    complete: NDArray[np.bool_]


def pack(watches: Watches, length: int, random: np.random.Generator) -> Stream:
    """One pass over the watches: viewers in random order, each one's watches in order of time, cut into rows of
    `length`."""
    num = len(watches)
    is_first = np.append(True, watches.users[1:] != watches.users[:-1]) if num else np.zeros(0, bool)
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, num))
    shuffled = random.permutation(len(starts))
    sizes = sizes[shuffled]
    ends = np.cumsum(sizes)
    stream = np.repeat(starts[shuffled] - (ends - sizes), sizes) + np.arange(num)
    viewer = np.repeat(np.arange(len(sizes)), sizes)
    num_rows = -(-num // length)
    watch = np.full((num_rows, length), -1)
    watch.reshape(-1)[:num] = stream
    segment = np.full((num_rows, length), -1)
    segment.reshape(-1)[:num] = viewer
    starts_run = np.ones(watch.shape, bool)
    starts_run[:, 1:] = segment[:, 1:] != segment[:, :-1]
    column = np.broadcast_to(np.arange(length), watch.shape)
    position = column - np.maximum.accumulate(np.where(starts_run, column, 0), axis=1)
    first_of_viewer = (watch >= 0) & is_first[np.maximum(watch, 0)] if num else np.zeros(watch.shape, bool)
    # A run cut by the end of a row goes on in the next one without its past; its first watch is nobody's first.
    return Stream(watch, segment, position, (watch >= 0) & ((position > 0) | first_of_viewer))


def histories(watches: Watches, users: NDArray[np.int64], times: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """The newest `length` watches of each user before a time: [q], [q] -> [q, length] position in `watches`,
    left-aligned, -1 behind."""
    starts, ends = spans(watches, users, times)
    starts = np.maximum(starts, ends - length)
    index = starts[:, None] + np.arange(length)[None, :]
    return np.where(index < ends[:, None], index, -1)


def spans(
    watches: Watches, users: NDArray[np.int64], times: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions [start, end) of each user's watches before a time, [q] each."""
    order = watches.order
    code = np.searchsorted(order.users, users)
    known = np.append(order.users, -1)[code] == users
    # Row 0 stands in for a stranger, also where there are no watches at all.
    code = np.where(known, code, 0)
    ends = np.searchsorted(order.packed, code * order.scale + np.searchsorted(order.times, times))
    return np.where(known, order.starts[code], 0), np.where(known, ends, 0)


class WatchCounts:
    """How often each video had been watched, in spans that end with a window; the point-in-time popularity of the
    towers."""

    def __init__(self, watches: Watches) -> None:
        windows = window_number(watches.times)
        self._ordered, self._windows = np.sort(watches.videos * _MANY_WINDOWS + windows), np.sort(windows)

    def before(
        self, videos: NDArray[np.int64], window: NDArray[np.int64], spans: tuple[int, ...] = COUNT_SPANS
    ) -> NDArray[np.float32]:
        """Watches in the `spans` windows before `window`: row [n], window number [n] -> [n, len(spans)]."""
        packed = videos * _MANY_WINDOWS + window
        until = np.searchsorted(self._ordered, packed)
        counts = [until - np.searchsorted(self._ordered, packed - span) for span in spans]
        return np.stack(counts, axis=1).astype(np.float32)

    def total(self, window: NDArray[np.int64], spans: tuple[int, ...] = COUNT_SPANS) -> NDArray[np.float32]:
        """Watches of all videos in the `spans` windows before `window`: window number [n] -> [n, len(spans)]."""
        until = np.searchsorted(self._windows, window)
        counts = [until - np.searchsorted(self._windows, window - span) for span in spans]
        return np.stack(counts, axis=1).astype(np.float32)
