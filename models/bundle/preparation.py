"""What the ranker of a release says of a snapshot before anyone asks: a little at a time, beside pages."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import aggregate_columns
from models.index import Rest
from models.membership import distinct, positions
from models.ranking.owners import FEATURES_OF
from models.ranking.page_parts import PageParts
from models.video_table import CONTENT, VideoTable, video_table

#: Videos that are prepared at once, in a few milliseconds: the memory of one block is used again by the next.
_BLOCK = 1_024
#: Features whose column of a snapshot has another name.
_COLUMNS = {"video_duration_s": "duration_s"}


class Prepared(NamedTuple):
    """Of a snapshot of v videos.

    Attributes:
      table: their content, without titles: nothing that is asked reads one.
      videos: [v, .] what the ranker says of each video.
      of_channels, channel_row: [c, .] what it says of each channel, and the row there of each video's, [v].
      of_topics, topic_row: [t, .], [v] the same of main topics.
    """

    table: VideoTable
    videos: NDArray[np.float32]
    of_channels: NDArray[np.float32]
    channel_row: NDArray[np.int32]
    of_topics: NDArray[np.float32]
    topic_row: NDArray[np.int32]


def prepare(parts: PageParts, snapshot: pa.Table, rest: Rest | None = None) -> Prepared:
    """Compute it.

    Args:
      parts: of the release.
      snapshot: at least `CONTENT` and the aggregates of videos, channels and topics, sorted by video.
      rest: called after each small step.
    """
    rest = rest or (lambda: None)
    table = video_table(snapshot.select(CONTENT), rest)
    # Asked by every page: counted now.
    _ = table.counted_topics
    rest()
    of_channels = _entities(parts, snapshot, "channel", table.channels, rest)
    of_topics = _entities(parts, snapshot, "topic", table.topics[:, 0], rest)
    return Prepared(table, _videos(parts, snapshot, table, rest), *of_channels, *of_topics)


def _entities(
    parts: PageParts, snapshot: pa.Table, of: str, keys: NDArray[np.int64], rest: Rest
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """What the ranker says of each distinct key of channels or topics, and the row there of each video's."""
    # `np.unique` would keep Python's lock while it sorts, and with it every page that is made beside it.
    first = distinct(keys)
    rest()
    place = positions(keys[first], keys).astype(np.int32)
    rest()
    aggregates = snapshot.select(aggregate_columns(of)).take(pa.array(first))

    def fill(block: slice, dense: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        if of == "topic":
            parts.topics(dense, keys[first[block]], out)
        else:
            parts.channels(dense, out)

    return _filled(fill, of, aggregates, parts.widths[of], rest), place


def _videos(parts: PageParts, snapshot: pa.Table, table: VideoTable, rest: Rest) -> NDArray[np.float32]:
    """What the ranker says of each video, [v, .]."""

    def fill(block: slice, dense: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        keys, channels, topics = table.keys[block], table.channels[block], table.topics[block]
        parts.videos(dense, keys, channels, topics, table.languages[block], out)

    return _filled(fill, "video", snapshot, parts.widths["video"], rest)


def _filled(
    fill: Callable[[slice, NDArray[np.float32], NDArray[np.float32]], None],
    of: str,
    rows: pa.Table,
    width: int,
    rest: Rest,
) -> NDArray[np.float32]:
    """[n, width] filled block by block from the dense features [d, n] of an owner, 0 where one is no number."""
    filled = np.empty((len(rows), width), np.float32)
    features = rows.select([_COLUMNS.get(name, name) for name in FEATURES_OF[of]])
    for first in range(0, len(rows), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(rows)))
        some = features.slice(first, _BLOCK)
        dense = np.array([column.to_numpy() for column in some.columns], np.float32)
        fill(block, np.nan_to_num(dense, copy=False), filled[block])
        rest()
    return filled
