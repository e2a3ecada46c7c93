"""Acts and the rows that ingestion makes of the same events: equal, and never counted twice."""

import time
from datetime import timedelta

import numpy as np
import pytest
from tiny_site import NOW, StubBundle

from feature_repo.online import UserStore
from feature_repo.publish import publish
from feature_repo.viewer_past import events_since, viewer_at
from homefeed import ids, windows
from homefeed.clock import set_clock
from homefeed.ingest.window import ingest_windows
from homefeed.registry import Stage, open_registry
from homefeed.settings import load
from serving.acts import act_of_row
from serving.feed import Feed
from serving.fresh_viewer import with_acts
from serving.request import PageRequest
from serving.snapshot import Snapshot
from serving.viewer import viewer_of

pytestmark = pytest.mark.slow
AGGREGATE = ("_10m", "_1h", "_24h", "_7d")


@pytest.fixture
def site(tmp_path):
    """Settings with a clock, and a feed over the real event log, features and online store; bundles are stubs."""
    (tmp_path / "var").mkdir()
    settings = load(var=tmp_path / "var", clock_file=tmp_path / "var" / "clock")
    set_clock(settings.clock_file, NOW)
    registry = open_registry(settings.resolved_registry_url)
    registry.add_release("r1", "r1", NOW, {})
    registry.move("r1", Stage.LIVE, NOW, [])
    asked = []

    class Remembers(StubBundle):
        def query(self, user, time):
            asked.append(dict(user))
            return super().query(user, time)

    def load_bundle(settings, release, rest):
        return Remembers(release, Snapshot.read(max(settings.snapshots_path.glob("*.arrow"))).table)

    changed = settings.model_copy(update={"serving": settings.serving.model_copy(update={"poll_s": 3600.0})})
    feed = Feed(changed, load_bundle)
    yield settings, feed, asked
    feed.close()


def event(name, event_type, clock, **fields):
    return {"event_id": f"e-{name}", "type": event_type, "time": f"2026-11-23T{clock}Z", "user": "v"} | fields


def videos(number):
    about = {"channel": f"c{number % 3}", "title": f"T{number}", "topics": ["t"], "duration_s": 90.0 + number}
    made = event(f"video-{number}", "video", "21:00:00", video=f"x{number}", uploaded="2026-11-23T20:00:00Z", **about)
    return {name: value for name, value in made.items() if name != "user"}


BEFORE = [
    event("u1", "user", "21:59:00", country="DE", language="de", age=30, blocked_channels=["c9"]),
    event("w1", "watch", "22:01:00.250", video="x1", seconds=31.7),
    event("w2", "watch", "22:02:00", video="x2", seconds=400.0),
    event("f1", "feedback", "22:02:30", video="x3", kind="dislike"),
    event("f2", "feedback", "22:02:40", video="x4", kind="subscribe"),
]
THEN = [
    event("w3", "watch", "22:11:07.123456", video="x5", seconds=12.3),
    event("w4", "watch", "22:11:30", video="x1", seconds=60.1),  # again
    event("w5", "watch", "22:11:40", video="x6", seconds=4.99),  # too short to count
    event("w6", "watch", "22:11:50", video="unknown", seconds=50.0),
    event("w7", "watch", "22:01:30", video="x7", seconds=45.0),  # arrives late: between two that the row holds
    event("f3", "feedback", "22:12:00", video="x8", kind="not_interested"),
    event("f4", "feedback", "22:12:01", video="unknown-too", kind="report"),
    event("f5", "feedback", "22:12:02", video="x9", kind="subscribe"),
    event("f6", "feedback", "22:12:03", video="x9", kind="like"),
    event("u2", "user", "22:12:10", country="FR", age=31, blocked_channels=["c2", "c8"]),
]


def move_to(settings, clock, windows_to_ingest=()):
    hours, minutes = clock.split(":")
    set_clock(settings.clock_file, NOW.replace(hour=int(hours), minute=int(minutes)))
    if windows_to_ingest:
        publish(settings, ingest_windows(settings, windows_to_ingest).touched)


def assert_same(row, expected):
    for name, value in expected.items():
        if not name.endswith(AGGREGATE):
            assert np.array_equal(np.asarray(row[name]), np.asarray(value)), name


def test_the_next_page_knows_what_the_row_will_hold_and_nothing_counts_twice(site):
    settings, feed, asked = site

    def row():
        feed.recommend(PageRequest(user="v"))
        return asked[-1]

    feed.accept([*map(videos, range(12)), *BEFORE])
    move_to(settings, "22:10", ["20261123T2200Z"])
    feed.refresh()
    store = UserStore(settings)
    published = viewer_of(store.read("v")).row
    assert_same(row(), published)  # the acts of the window that was published are still there

    move_to(settings, "22:13")
    feed.accept(THEN)
    feed.accept([*THEN, THEN[0]])  # the sender did not get the answer
    for _ in range(200):
        if len(row()["dismissed_videos"]) == 3:
            break
        time.sleep(0.05)
    fresh = row()
    assert len(fresh["history_videos"]) == 5
    assert_same(viewer_of(store.read("v")).row, published)

    move_to(settings, "22:20", ["20261123T2210Z"])
    ingested = viewer_of(store.read("v")).row
    assert_same(fresh, ingested)
    assert_same(row(), ingested)  # and before the service has looked
    feed.refresh()
    assert_same(row(), ingested)
    assert ingested["user_watches_1h"] == 6  # each watch that counts, once

    then = NOW.replace(minute=13)  # the page of then can be made again from the lake
    since = [act_of_row(row) for row in events_since(settings, "v", then)]
    remade = with_acts(viewer_of(viewer_at(settings, "v", then)), since, feed.snapshot, settings.features)
    assert_same(remade.row, ingested)

    recent = feed._recent._opened()
    assert len(recent.read(ids.key("v"))) == len(THEN)  # those that arrived with the newest window stay for one more
    feed.accept([event("w9", "watch", "22:20:00", video="x10", seconds=33.0)])
    move_to(settings, "22:30", ["20261123T2220Z"])
    feed.refresh()
    assert [act.event_id for act in recent.read(ids.key("v"))] == ["e-w9"]
    assert_same(row(), viewer_of(store.read("v")).row)
    assert windows.end(feed.snapshot.window) == NOW + timedelta(minutes=25)
