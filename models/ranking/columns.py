"""Columns of viewers and candidates before they meet in `examples.inputs_of`, for training and for serving."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.history import microseconds, padded, string_key, string_keys
from models.video_table import VideoTable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIST_TYPES: dict[str, type[np.generic]] = {
    "history_videos": np.int64,
    "history_times": np.int64,
    "history_fractions": np.float32,
    "subscribed_channels": np.int64,
}


def viewer_columns(rows: pa.Table, table: VideoTable, history_length: int) -> dict[str, NDArray[Any]]:
    """Columns of viewers, as `inputs_of` reads them, from rows with the columns of `user_state`, `time` and
    `device`."""
    videos = padded(rows.column("history_videos"), history_length, np.int64)
    subscribed = rows.column("subscribed_channels")
    most = max(1, int(np.max(np.asarray(subscribed.combine_chunks().value_lengths().fill_null(0)), initial=0)))
    channels = padded(subscribed, most, np.int64)
    return {
        "time": microseconds(rows.column("time")),
        "language": string_keys(rows.column("language")),
        "country": string_keys(rows.column("country")),
        "device": string_keys(rows.column("device")),
        "age": rows.column("age").fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32),
        "history_videos": videos,
        "history_channels": table.channel_of(videos),
        "history_topics": table.topic_of(videos),
        "history_languages": table.language_of(videos),
        "history_times": padded(rows.column("history_times"), history_length, np.int64),
        "history_fractions": padded(rows.column("history_fractions"), history_length, np.float32),
        "subscribed_channels": channels,
        "subscribed_topics": table.topic_of_channel(channels),
    }


def viewer_row(
    user: Mapping[str, Any], time: datetime, device: str, table: VideoTable, history_length: int
) -> dict[str, NDArray[Any]]:
    """`viewer_columns` of the one viewer of a request, from the row that the online store answered."""
    viewer = viewer_alone(user, time, device, history_length)
    rows = table.rows(viewer["history_videos"])
    return viewer | {
        "history_channels": table.channels_at(rows),
        "history_topics": table.topics_at(rows),
        "history_languages": table.languages_at(rows),
        "subscribed_topics": table.topic_of_channel(viewer["subscribed_channels"]),
    }


def viewer_alone(user: Mapping[str, Any], time: datetime, device: str, history_length: int) -> dict[str, NDArray[Any]]:
    """Those of `viewer_row` that need no catalogue."""
    lists = {name: np.asarray([] if user[name] is None else user[name], kind) for name, kind in _LIST_TYPES.items()}

    def newest(name: str, length: int) -> NDArray[Any]:
        kept = lists[name][-length:]
        row = np.zeros((1, length), kept.dtype)
        row[0, length - len(kept) :] = kept
        return row

    return {
        "time": np.array([(time - _EPOCH) // timedelta(microseconds=1)]),
        **{name: np.array([string_key(user[name] or "")]) for name in ("language", "country")},
        "device": np.array([string_key(device)]),
        "age": np.array([-1 if user["age"] is None else user["age"]], np.int32),
        "history_videos": newest("history_videos", history_length),
        "history_times": newest("history_times", history_length),
        "history_fractions": newest("history_fractions", history_length),
        "subscribed_channels": newest("subscribed_channels", max(1, len(lists["subscribed_channels"]))),
    }


def candidate_columns(videos: NDArray[np.int64], table: VideoTable) -> dict[str, NDArray[Any]]:
    """Content of candidates by key, as `inputs_of` reads it; a video that the table does not know has none."""
    row = table.rows(videos)
    return {
        "video": videos,
        "channel": np.append(table.channels, 0)[row],
        "topic": np.append(table.topics[:, 0], 0)[row],
        "language": np.append(table.languages, 0)[row],
        "side_topics": table.side_topics_of(videos),
        "uploaded": np.append(table.uploaded, 0)[row],
        "duration_s": np.append(table.duration_s, 0)[row].astype(np.float32),
    }
