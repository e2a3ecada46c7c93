"""A small site with known tastes, written straight into the lake: each viewer likes one topic, each video has a
quality."""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from homefeed import windows
from homefeed.ids import keys
from homefeed.lake import open_lake
from homefeed.schema import TABLES, TIME
from homefeed.settings import Settings

NUM_USERS, NUM_VIDEOS, NUM_TOPICS = 400, 300, 6
LAST = "20261123T2150Z"
NUM_WINDOWS = 60


def write_site(settings: Settings, seed: int = 7, per_window: int = 1500) -> list[str]:
    """Write `NUM_WINDOWS` windows that end with `LAST` into the lake; returns the windows."""
    random = np.random.default_rng(seed)
    names = windows_of_site()
    users = keys(pa.array([f"viewer-{i}" for i in range(NUM_USERS)])).to_numpy()
    videos = keys(pa.array([f"video-{i}" for i in range(NUM_VIDEOS)])).to_numpy()
    channels = keys(pa.array([f"channel-{i}" for i in range(40)])).to_numpy()
    taste, topic = random.integers(0, NUM_TOPICS, NUM_USERS), random.integers(0, NUM_TOPICS, NUM_VIDEOS)
    quality = random.normal(0, 0.7, NUM_VIDEOS)
    _catalogue(settings, names[0], users, videos, channels=channels, topic=topic, random=random)
    num = NUM_WINDOWS * per_window
    start = windows.start(names[0]).timestamp()
    time = np.sort(start + random.random(num) * NUM_WINDOWS * windows.WINDOW_S)
    user, slot = random.integers(0, NUM_USERS, num), random.integers(0, 30, num)
    video = random.choice(NUM_VIDEOS, num, p=np.exp(quality) / np.exp(quality).sum())
    odds = -3.4 + 2.2 * (taste[user] == topic[video]) + quality[video] - 0.05 * slot
    watched = random.random(num) < 1 / (1 + np.exp(-odds))
    impressions = {
        "event_id": np.array([f"i{i}" for i in range(num)]),
        "time": time,
        "user": users[user],
        "video": videos[video],
        "request_id": np.array([f"r{i // 20}" for i in range(num)]),
        "slot": slot,
        "surface": np.full(num, "home"),
        "device": np.where(user % 2, "phone", "desktop"),
    }
    _write(settings, "impressions", impressions, names)
    at = np.flatnonzero(watched)
    followed = {
        "event_id": np.array([f"w{i}" for i in at]),
        "time": time[at] + 20,
        "user": users[user[at]],
        "video": videos[video[at]],
    }
    _write(settings, "watches", followed | {"seconds": 10 + 200 * random.random(len(at))}, names)
    liked = at[random.random(len(at)) < 0.2]
    said = {
        "event_id": np.array([f"f{i}" for i in liked]),
        "time": time[liked] + 60,
        "user": users[user[liked]],
        "video": videos[video[liked]],
    }
    _write(settings, "feedback", said | {"kind": np.full(len(liked), "like")}, names)
    return names


def _catalogue(settings, first, users, videos, *, channels, topic, random):  # type: ignore[no-untyped-def]
    begin = windows.start(first) - timedelta(days=1)
    rows = pa.table(
        {
            "window": [first] * len(videos),
            "event_id": [f"v{i}" for i in range(len(videos))],
            "time": pa.array([begin] * len(videos), TIME),
            "video": videos,
            "video_id": [f"video-{i}" for i in range(len(videos))],
            "channel": channels[np.arange(len(videos)) % len(channels)],
            "channel_id": [f"channel-{i % len(channels)}" for i in range(len(videos))],
            "title": [f"Topic {t} film {i}" for i, t in enumerate(topic)],
            "topics": [[f"topic-{t}"] for t in topic],
            "duration_s": 60 + 300 * random.random(len(videos)),
            "language": ["en" if i % 3 else "de" for i in range(len(videos))],
            "uploaded": pa.array([begin] * len(videos), TIME),
            "countries": pa.array([[]] * len(videos), pa.list_(pa.string())),
            "min_age": [0] * len(videos),
            "withdrawn": [False] * len(videos),
        }
    )
    lake = open_lake(settings.lake_path)
    lake.replace("videos", [first], rows.cast(TABLES["videos"]))
    profiles = pa.table(
        {
            "window": [first] * len(users),
            "event_id": [f"u{i}" for i in range(len(users))],
            "time": pa.array([begin] * len(users), TIME),
            "user": users,
            "user_id": [f"viewer-{i}" for i in range(len(users))],
            "country": ["DE" if i % 2 else "US" for i in range(len(users))],
            "language": ["en" if i % 3 else "de" for i in range(len(users))],
            "age": [18 + i % 50 for i in range(len(users))],
            "blocked_channels": pa.array([[]] * len(users), pa.list_(pa.int64())),
        }
    )
    lake.replace("users", [first], profiles.cast(TABLES["users"]))


def _write(settings: Settings, table: str, columns: dict[str, np.ndarray], names: list[str]) -> None:
    seconds = columns["time"]
    within = seconds < windows.end(names[-1]).timestamp()
    number = ((seconds - windows.start(names[0]).timestamp()) // windows.WINDOW_S).astype(int)[within]
    kept = {name: column[within] for name, column in columns.items()}
    kept["time"] = pa.array((kept["time"] * 1_000_000).astype(np.int64)).cast(TIME)
    kept["window"] = np.array(names)[number]
    size = int(within.sum())
    arrays = {f.name: pa.array(kept[f.name]) if f.name in kept else pa.nulls(size, f.type) for f in TABLES[table]}
    open_lake(settings.lake_path).replace(table, names, pa.table(arrays).cast(TABLES[table]))


def windows_of_site() -> list[str]:
    """The windows that `write_site` wrote."""
    return windows.span(windows.shift(LAST, 1 - NUM_WINDOWS), LAST)
