"""The lake's tables, column by column. Every table is partitioned by `window`.

Ids are 63-bit keys (`homefeed.ids`); the strings live in `videos` and `users`, the catalogue events.
"""

import pyarrow as pa

from homefeed.features import ENTITIES, aggregate_columns
from homefeed.schema.column import TIME

_WINDOW = pa.field("window", pa.string())
_EVENT = [_WINDOW, pa.field("event_id", pa.string()), pa.field("time", TIME)]
_USER = pa.field("user", pa.int64())
_VIDEO = pa.field("video", pa.int64())

#: One row is one video that was on screen.
IMPRESSIONS = pa.schema(
    [
        *_EVENT,
        _USER,
        _VIDEO,
        pa.field("request_id", pa.string()),
        pa.field("slot", pa.int16()),
        pa.field("surface", pa.string()),
        pa.field("device", pa.string()),
        pa.field("release", pa.string()),
        pa.field("source", pa.string()),
        pa.field("score", pa.float32()),
        pa.field("propensity", pa.float32()),
        pa.field("explored", pa.bool_()),
        pa.field("synthesised", pa.bool_()),
    ]
)
#: One row is one watch; `time` is its start.
WATCHES = pa.schema([*_EVENT, _USER, _VIDEO, pa.field("request_id", pa.string()), pa.field("seconds", pa.float32())])
#: One row is one thing a viewer said about a video.
FEEDBACK = pa.schema([*_EVENT, _USER, _VIDEO, pa.field("request_id", pa.string()), pa.field("kind", pa.string())])
#: One row is one change of a video; the newest `time` per video is the catalogue.
VIDEOS = pa.schema(
    [
        *_EVENT,
        _VIDEO,
        pa.field("video_id", pa.string()),
        pa.field("channel", pa.int64()),
        pa.field("channel_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("topics", pa.list_(pa.string())),
        pa.field("duration_s", pa.float32()),
        pa.field("language", pa.string()),
        pa.field("uploaded", TIME),
        pa.field("countries", pa.list_(pa.string())),
        pa.field("min_age", pa.int16()),
        pa.field("withdrawn", pa.bool_()),
    ]
)
#: One row is one change of a viewer's profile; the newest `time` per user counts.
USERS = pa.schema(
    [
        *_EVENT,
        _USER,
        pa.field("user_id", pa.string()),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("age", pa.int16()),
        pa.field("blocked_channels", pa.list_(pa.int64())),
    ]
)
#: One row is one event that breaks the schema; `window` is the window it arrived in.
QUARANTINE = pa.schema(
    [
        _WINDOW,
        pa.field("file", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("raw", pa.string()),
    ]
)
#: One row is one impression joined with what followed within the label window.
EXPOSURES = pa.schema(
    [
        *IMPRESSIONS,
        pa.field("watched", pa.bool_()),
        pa.field("watch_s", pa.float32()),
        pa.field("completion", pa.float32()),
        pa.field("liked", pa.bool_()),
        pa.field("subscribed", pa.bool_()),
        pa.field("shared", pa.bool_()),
        pa.field("dismissed", pa.bool_()),
    ]
)
#: One row is one viewer at the end of a window in which something about the viewer changed. `history_times` are
#: microseconds since 1970 UTC.
USER_STATE = pa.schema(
    [
        _WINDOW,
        pa.field("event_timestamp", TIME),
        _USER,
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("age", pa.int16()),
        pa.field("history_videos", pa.list_(pa.int64())),
        pa.field("history_times", pa.list_(pa.int64())),
        pa.field("history_fractions", pa.list_(pa.float32())),
        pa.field("watched_videos", pa.list_(pa.int64())),
        pa.field("dismissed_videos", pa.list_(pa.int64())),
        pa.field("subscribed_channels", pa.list_(pa.int64())),
        pa.field("blocked_channels", pa.list_(pa.int64())),
    ]
)
#: One row is one online metric of one release, or of one arm of an experiment, in one slice of a window. The value is
#: numerator / denominator; the interval is over the viewers.
ONLINE_METRICS = pa.schema(
    [
        _WINDOW,
        pa.field("release", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("slice", pa.string()),
        pa.field("metric", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("numerator", pa.float64()),
        pa.field("denominator", pa.float64()),
        pa.field("num_viewers", pa.int64()),
    ]
)
#: One row is one viewer who was erased: nothing that happened up to `time` may be kept of the viewer.
ERASURES = pa.schema([_WINDOW, pa.field("user", pa.int64()), pa.field("time", TIME)])


def aggregates(entity: str) -> pa.Schema:
    """One row is one entity at the end of a window in which one of its aggregates changed."""
    key = pa.field(entity, pa.string() if entity == "topic" else pa.int64())
    return pa.schema(
        [
            _WINDOW,
            pa.field("event_timestamp", TIME),
            key,
            *(pa.field(c, pa.float32()) for c in aggregate_columns(entity)),
        ]
    )


TABLES: dict[str, pa.Schema] = {
    "impressions": IMPRESSIONS,
    "watches": WATCHES,
    "feedback": FEEDBACK,
    "videos": VIDEOS,
    "users": USERS,
    "quarantine": QUARANTINE,
    "exposures": EXPOSURES,
    "user_state": USER_STATE,
    "online_metrics": ONLINE_METRICS,
    "erasures": ERASURES,
    **{f"{entity}_aggregates": aggregates(entity) for entity in ENTITIES},
}
#: Table that each event type is stored in.
TABLE_OF_EVENT = {
    "impression": "impressions",
    "watch": "watches",
    "feedback": "feedback",
    "video": "videos",
    "user": "users",
}
