"""The five event types, as a site sends them: flat JSON objects, one per line or in a batch.

This is the edge: ids are strings and times are ISO 8601 with an offset. `tables.py` says what ingestion stores.
"""

import pyarrow as pa

from homefeed.schema.column import TIME, Column

SURFACES = ("home", "search", "channel", "watch_next", "other")
DEVICES = ("phone", "tablet", "desktop", "tv", "other")
SOURCES = ("two_tower", "trending", "fresh", "subscriptions", "more_like", "exploration", "editorial", "other")
FEEDBACK = ("like", "dislike", "comment", "share", "subscribe", "not_interested", "report")
MAX_SLOT = 99

_ID = {"type": pa.string(), "is_id": True}
_COMMON = (
    Column("event_id", doc="Unique for ever; a retry sends the same one and counts once.", sample="e-7f3a", **_ID),
    Column("type", pa.string(), "Which of the five event types this is.", sample="", choices=()),
    Column(
        "time",
        TIME,
        "When it happened: ISO 8601 with an offset, such as 2026-11-23T22:10:05.120Z.",
        sample="2026-11-23T22:10:05.120Z",
    ),
)
_USER = Column("user", doc="The viewer.", sample="viewer-42", **_ID)
_VIDEO = Column("video", doc="The video.", sample="video-1007", **_ID)
_REQUEST = Column(
    "request_id",
    doc="The page request that showed the video, as the service answered it.",
    sample="r-01HX",
    required=False,
    **_ID,
)

IMPRESSION = (
    *_COMMON,
    _USER,
    _VIDEO,
    Column(
        "request_id", doc="The page request that showed the video, as the service answered it.", sample="r-01HX", **_ID
    ),
    Column("slot", pa.int16(), "Position on the page, 0 first.", sample=3, minimum=0, maximum=MAX_SLOT),
    Column("surface", pa.string(), "Where it was shown.", sample="home", choices=SURFACES),
    Column("device", pa.string(), "What it was shown on.", sample="phone", choices=DEVICES),
    Column("release", pa.string(), "The release that chose it.", sample="r20261123T2200Z-1a2b3c", required=False),
    Column(
        "source",
        pa.string(),
        "The candidate source that proposed it.",
        sample="two_tower",
        choices=SOURCES,
        required=False,
    ),
    Column("score", pa.float32(), "The score it was selected with.", sample=0.031, required=False),
    Column(
        "propensity",
        pa.float32(),
        "Probability that the policy put it in this slot.",
        sample=0.92,
        minimum=0.0,
        maximum=1.0,
        required=False,
    ),
    Column("explored", pa.bool_(), "True when exploration chose the slot.", sample=False, required=False),
    Column(
        "synthesised",
        pa.bool_(),
        "True when an importer made it up: the log had no impressions.",
        sample=False,
        required=False,
    ),
)
WATCH = (
    *_COMMON,
    _USER,
    _VIDEO,
    _REQUEST,
    Column("seconds", pa.float32(), "Watch time; `time` is when the watch started.", sample=182.5, minimum=0.0),
)
FEEDBACK_EVENT = (
    *_COMMON,
    _USER,
    _VIDEO,
    _REQUEST,
    Column("kind", pa.string(), "What the viewer said.", sample="like", choices=FEEDBACK),
)
VIDEO = (
    *_COMMON,
    _VIDEO,
    Column("channel", doc="The channel that published it.", sample="channel-88", **_ID),
    Column("title", pa.string(), "Title as shown.", sample="Sourdough in twelve minutes"),
    Column("topics", pa.list_(pa.string()), "Topics, the main one first.", sample=["cooking", "bread"]),
    Column("duration_s", pa.float32(), "Length.", sample=734.0, minimum=0.0),
    Column("language", pa.string(), "ISO 639-1 code.", sample="en", required=False),
    Column("uploaded", TIME, "When viewers could first watch it.", sample="2026-11-23T21:58:00Z"),
    Column(
        "countries",
        pa.list_(pa.string()),
        "ISO 3166 codes where it may be shown; empty means everywhere.",
        sample=[],
        required=False,
    ),
    Column(
        "min_age", pa.int16(), "Youngest viewer it may be shown to.", sample=0, minimum=0, maximum=120, required=False
    ),
    Column("withdrawn", pa.bool_(), "True takes it off the site.", sample=False, required=False),
)
USER = (
    *_COMMON,
    _USER,
    Column("country", pa.string(), "ISO 3166 code.", sample="DE", required=False),
    Column("language", pa.string(), "ISO 639-1 code.", sample="de", required=False),
    Column("age", pa.int16(), "Age in years.", sample=34, minimum=0, maximum=130, required=False),
    Column(
        "blocked_channels", pa.list_(pa.string()), "Channels never to show to this viewer.", sample=[], required=False
    ),
)

EVENTS: dict[str, tuple[Column, ...]] = {
    "impression": IMPRESSION,
    "watch": WATCH,
    "feedback": FEEDBACK_EVENT,
    "video": VIDEO,
    "user": USER,
}
