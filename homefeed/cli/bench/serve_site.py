"""A site made for `homefeed bench serve`: a catalogue of any size as a snapshot, and viewers in the online store.

No day of history is behind it. Channels, topics, titles, languages, durations and uploads are drawn as the synthetic
site draws them; counts of impressions follow a long tail and two in a hundred are watched; a viewer has the longest
history that is kept, drawn by the same popularity.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids, windows
from homefeed.features import MEASURES, SPANS, aggregate_columns
from homefeed.settings import Settings

NUM_VIEWERS = 3000
_WATCHED, _SUBSCRIBED, _DISMISSED = 200, 10, 20
_HISTORY_DAYS = 14.0
_DAY_US = 86_400_000_000
#: Impressions in 7 days: median and spread of a long tail.
_MEDIAN, _SPREAD = 30.0, 2.0
#: What one impression adds to each measure.
_PER_IMPRESSION = {"impressions": 1.0, "watches": 0.02, "watch_s": 3.0, "likes": 0.001, "dismissals": 0.0005}


@dataclass(frozen=True)
class Viewers:
    """v viewers.

    Attributes:
      ids: their ids.
      state: rows of `user_state` without its window.
      aggregates: rows of `user_aggregates` without its window.
    """

    ids: list[str]
    state: pa.Table
    aggregates: pa.Table


def made_snapshot(num: int, end: datetime, random: np.random.Generator) -> pa.Table:
    """A snapshot of `num` videos at `end`, sorted by key, with the columns of `feature_repo.snapshot`."""
    from feature_repo.snapshot import CONTENT
    from homefeed.schema import TIME
    from homefeed.settings.world import WorldSettings
    from homefeed.world import names
    from homefeed.world.catalogue import make_channels, make_videos
    from homefeed.world.site import language_code
    from homefeed.world.vocabulary import COUNTRIES, TOPICS

    world = WorldSettings(num_videos=num, live_days=0)
    channels = make_channels(world, random)
    videos = make_videos(world, channels, round(end.timestamp() * 1e6), random)
    video_id = names.numbered("video-", num, 9)
    channel_id = names.channel_ids(channels, random)
    allowed = (videos.countries[:, None] >> np.arange(len(COUNTRIES))) & 1 == 1
    both = np.stack([videos.topic, videos.second_topic], axis=1)
    kept = np.stack([np.ones(num, bool), videos.topic != videos.second_topic], axis=1)
    topic_names = pa.array([topic.name for topic in TOPICS])
    columns: dict[str, Any] = {
        "video": ids.keys(video_id),
        "video_id": video_id,
        "channel": ids.keys(channel_id).combine_chunks().take(pa.array(videos.channel)),
        "channel_id": channel_id.take(pa.array(videos.channel)),
        "title": names.titles(np.arange(num), videos.topic, 0),
        "topics": _lists(kept, topic_names.take(pa.array(both[kept]))),
        "topic": topic_names.take(pa.array(videos.topic)),
        "duration_s": videos.duration_s,
        "language": language_code(videos.language),
        "uploaded": pa.array(videos.uploaded_us).cast(TIME),
        "countries": _lists(allowed, pa.array([c.code for c in COUNTRIES]).take(pa.array(np.nonzero(allowed)[1]))),
        "min_age": videos.min_age.astype(np.int16),
    }
    weekly = _MEDIAN * random.lognormal(0, _SPREAD, num)
    content = {name: columns[name] for name in CONTENT}
    of_videos = _aggregates("video", weekly, random)
    of_channels = _aggregates("channel", np.bincount(videos.channel, weekly, len(channels)).astype(np.float64), random)
    of_topics = _aggregates("topic", np.bincount(videos.topic, weekly, len(TOPICS)).astype(np.float64), random)
    spread = {name: column[videos.channel] for name, column in of_channels.items()}
    spread |= {name: column[videos.topic] for name, column in of_topics.items()}
    return pa.table(content | of_videos | spread).sort_by("video").combine_chunks()


def made_viewers(snapshot: pa.Table, end: datetime, history: int, random: np.random.Generator) -> Viewers:
    """`NUM_VIEWERS` viewers at `end`, each with `history` watches of videos drawn by their impressions."""
    from homefeed.schema import TABLES, TIME
    from homefeed.world.vocabulary import COUNTRIES

    num = NUM_VIEWERS
    names = [f"viewer-{place:06}" for place in range(num)]
    users = ids.keys(pa.array(names)).combine_chunks()
    share = np.cumsum(snapshot.column("video_impressions_7d").to_numpy(), dtype=np.float64)
    videos, channels = (snapshot.column(name).to_numpy() for name in ("video", "channel"))
    watched = np.searchsorted(share, random.random((num, _WATCHED)) * share[-1]).clip(max=len(videos) - 1)
    until = round(end.timestamp() * 1e6)
    ages = np.sort(random.random((num, history)) * _HISTORY_DAYS * _DAY_US, axis=1)[:, ::-1].astype(np.int64)
    country = random.integers(0, len(COUNTRIES), num)
    lists = {
        "history_videos": videos[watched[:, :history]],
        "history_times": until - ages - 1,
        "history_fractions": random.random((num, history)).astype(np.float32),
        "watched_videos": videos[watched],
        "dismissed_videos": videos[random.integers(0, len(videos), (num, _DISMISSED))],
        "subscribed_channels": channels[watched[:, :_SUBSCRIBED]],
        "blocked_channels": channels[random.integers(0, len(videos), (num, 2))],
    }
    stamp = pa.array([end] * num, TIME)
    columns = {
        "event_timestamp": stamp,
        "user": users,
        "country": pa.array([c.code for c in COUNTRIES]).take(pa.array(country)),
        "language": pa.array([c.language for c in COUNTRIES]).take(pa.array(country)),
        "age": pa.array(random.integers(13, 80, num), pa.int16()),
    }
    columns |= {name: _equal_lists(matrix) for name, matrix in lists.items()}
    state = pa.table(columns).select([name for name in TABLES["user_state"].names if name != "window"])
    sums = _aggregates("user", 2000 * random.lognormal(0, 1, num), random)
    return Viewers(names, state, pa.table({"event_timestamp": stamp, "user": users, **sums}))


def publish(settings: Settings, snapshot: pa.Table, viewers: Viewers, window: str) -> None:
    """Write the snapshot file, and the viewers into Feast's online store."""
    from feature_repo.online import apply
    from feature_repo.store import feature_store

    settings.snapshots_path.mkdir(parents=True, exist_ok=True)
    with (
        pa.OSFile(str(settings.snapshots_path / f"{window}.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, snapshot.schema) as writer,
    ):
        writer.write_table(snapshot)
    apply(settings)
    store = feature_store(settings)
    for view, rows in (("user_state", viewers.state), ("user_aggregates", viewers.aggregates)):
        store.write_to_online_store(view, rows.to_pandas())


def window_before(time: datetime) -> str:
    """The newest window that had ended at `time`."""
    return windows.window_of(time - windows.WINDOW)


def _aggregates(
    entity: str, weekly: NDArray[np.float64], random: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Columns of `<entity>_aggregates` of entities with so many impressions in 7 days: what is shorter is a share of
    what is longer."""
    columns = {}
    counts = np.floor(weekly)
    for span, num_windows in sorted(SPANS.items(), key=lambda item: -item[1]):
        counts = np.floor(counts * (num_windows / max(SPANS.values())) ** 0.25 * random.random(len(counts)))
        if num_windows == max(SPANS.values()):
            counts = np.floor(weekly)
        for measure in MEASURES:
            each = counts * _PER_IMPRESSION[measure]
            columns[f"{entity}_{measure}_{span}"] = (
                each if measure in ("impressions", "watch_s") else random.poisson(each)
            ).astype(np.float32)
    return {name: columns[name] for name in aggregate_columns(entity)}


def _lists(kept: NDArray[np.bool_], values: pa.Array) -> pa.Array:
    """Lists of the kept places of each row [n, m]; `values` holds them row by row."""
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), values)


def _equal_lists(matrix: NDArray[Any]) -> pa.Array:
    """A list for each row of a matrix."""
    starts = np.arange(0, matrix.size + 1, matrix.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(matrix.ravel()))
