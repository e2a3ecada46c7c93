"""Columns of the synthetic site as Arrow tables of the edge schema (`homefeed.schema.events`)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.schema import EVENTS, TIME, arrow_schema
from homefeed.schema.events import FEEDBACK as KINDS
from homefeed.world import names
from homefeed.world.activity import Impressions
from homefeed.world.behaviour import Feedback, Watches
from homefeed.world.catalogue import Floats, Ints, Small
from homefeed.world.policy import SOURCES
from homefeed.world.site import Site, language_code
from homefeed.world.vocabulary import COUNTRIES, DEVICES, TOPICS

#: Release that the history's impressions name: the policy of `homefeed.world.policy`.
HISTORY_RELEASE = "history"
_COUNTRIES_OF_BITS = pa.array(
    [[c.code for k, c in enumerate(COUNTRIES) if bits >> k & 1] for bits in range(1 << len(COUNTRIES))],
    pa.list_(pa.string()),
)


def impression_rows(
    site: Site, seen: Impressions, request_ids: pa.Array, prefix: str, *, source: Small, propensity: Floats
) -> pa.Table:
    """Impression events; `request_ids` is of shape [visits], the rest of shape [n]; a propensity of NaN is null."""
    n = len(seen)
    return _table(
        "impression",
        n,
        event_id=names.numbered(f"{prefix}-i", n, 1),
        time=_times(seen.time_us),
        user=site.viewer_ids.take(pa.array(seen.viewer)),
        video=site.video_ids.take(pa.array(seen.video)),
        request_id=request_ids.take(pa.array(seen.visit)),
        slot=pa.array(seen.slot.astype(np.int16)),
        surface=_repeat("home", n),
        device=pa.array(DEVICES).take(pa.array(seen.device)),
        release=_repeat(HISTORY_RELEASE, n),
        source=pa.array(SOURCES).take(pa.array(source)),
        propensity=pa.array(propensity, from_pandas=True),
        explored=pa.array(source == SOURCES.index("exploration")),
        synthesised=_repeat(False, n),
    )


def watch_rows(site: Site, seen: Impressions, watches: Watches, request_ids: pa.Array, prefix: str) -> pa.Table:
    """Watch events of shape [watches]."""
    n = len(watches.row)
    return _table(
        "watch",
        n,
        event_id=names.numbered(f"{prefix}-w", n, 1),
        time=_times(watches.start_us),
        user=site.viewer_ids.take(pa.array(seen.viewer[watches.row])),
        video=site.video_ids.take(pa.array(seen.video[watches.row])),
        request_id=request_ids.take(pa.array(seen.visit[watches.row])),
        seconds=pa.array(watches.seconds),
    )


def feedback_rows(site: Site, seen: Impressions, feedback: Feedback, request_ids: pa.Array, prefix: str) -> pa.Table:
    """Feedback events of shape [feedback]."""
    n = len(feedback.row)
    return _table(
        "feedback",
        n,
        event_id=names.numbered(f"{prefix}-f", n, 1),
        time=_times(feedback.time_us),
        user=site.viewer_ids.take(pa.array(seen.viewer[feedback.row])),
        video=site.video_ids.take(pa.array(seen.video[feedback.row])),
        request_id=request_ids.take(pa.array(seen.visit[feedback.row])),
        kind=pa.array(KINDS).take(pa.array(feedback.kind)),
    )


def subscription_rows(site: Site, until_us: int, time_us: int) -> pa.Table:
    """Subscribe events for the channels followed before the history: on their first video, where there is one."""
    slots = site.audience.subscriptions
    order = site.videos.by_channel
    viewer, place = np.nonzero((slots >= 0) & (slots < len(order.start) - 1))
    channel = slots[viewer, place].astype(np.int64)
    some = order.until(channel, np.full(len(channel), until_us)) > order.start[channel]
    viewer, channel = viewer[some], channel[some]
    n = len(viewer)
    return _table(
        "feedback",
        n,
        event_id=names.numbered("world-s", n, 1),
        time=_times(np.full(n, time_us)),
        user=site.viewer_ids.take(pa.array(viewer)),
        video=site.video_ids.take(pa.array(order.video[order.start[channel]])),
        kind=_repeat("subscribe", n),
    )


def video_rows(site: Site, video: Ints, time_us: Ints) -> pa.Table:
    """Catalogue events of these videos at these times; shapes [n], [n]."""
    v, n = site.videos, len(video)
    topics = pa.array([t.name for t in TOPICS])
    second = v.second_topic[video] != v.topic[video]
    both = np.stack([v.topic[video], v.second_topic[video]], 1)
    kept = np.stack([np.ones(n, bool), second], 1)
    return _table(
        "video",
        n,
        event_id=pc.binary_join_element_wise("world-", site.video_ids.take(pa.array(video)), ""),
        time=_times(time_us),
        video=site.video_ids.take(pa.array(video)),
        channel=site.channel_ids.take(pa.array(v.channel[video])),
        title=names.titles(video, v.topic[video], site.seed),
        topics=pa.ListArray.from_arrays(
            pa.array(np.concatenate([[0], np.cumsum(kept.sum(1))]).astype(np.int32)), topics.take(pa.array(both[kept]))
        ),
        duration_s=pa.array(v.duration_s[video]),
        language=language_code(v.language[video]),
        uploaded=_times(v.uploaded_us[video]),
        countries=_COUNTRIES_OF_BITS.take(pa.array(v.countries[video])),
        min_age=pa.array(v.min_age[video].astype(np.int16)),
        withdrawn=_repeat(False, n),
    )


def user_rows(site: Site, time_us: int) -> pa.Table:
    """Profile events of all viewers."""
    a, n = site.audience, len(site.audience)
    return _table(
        "user",
        n,
        event_id=pc.binary_join_element_wise("world-", site.viewer_ids, ""),
        time=_times(np.full(n, time_us)),
        user=site.viewer_ids,
        country=pa.array([c.code for c in COUNTRIES]).take(pa.array(a.country)),
        language=language_code(a.language),
        age=pa.array(a.age.astype(np.int16)),
        blocked_channels=pa.array([[]], pa.list_(pa.string())).take(pa.array(np.zeros(n, np.int8))),
    )


def upload_rows(site: Site, since_us: int, until_us: int) -> pa.Table:
    """Catalogue events of the videos uploaded in `[since_us, until_us)`, at the time of their upload."""
    first, last = np.searchsorted(site.videos.uploaded_us, [since_us, until_us])
    video = np.arange(first, last)
    return video_rows(site, video, site.videos.uploaded_us[video])


def rows(event_type: str, prefix: str, time_us: Ints, **columns: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Events at these times with ids that begin with `prefix`; shape [n]."""
    n = len(time_us)
    return _table(event_type, n, event_id=names.numbered(prefix, n, 1), time=_times(time_us), **columns)


def _table(event_type: str, n: int, **columns: pa.Array) -> pa.Table:
    """All columns of the event type in order; those not given are null."""
    schema = arrow_schema(EVENTS[event_type])
    columns["type"] = _repeat(event_type, n)
    arrays = [columns.get(f.name, pa.nulls(n, f.type)) for f in schema]
    return pa.table(arrays, schema=schema)


def _times(time_us: Ints) -> pa.Array:
    return pa.array(time_us).cast(TIME)


def _repeat(value: str | bool, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), n)
