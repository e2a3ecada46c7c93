"""What a viewer did a moment ago: what ingestion would make of it, early, in every process, and never twice."""

import socket
import subprocess
import time
from datetime import timedelta

import numpy as np
import pytest
import redis
from tiny_site import NOW, table, video_id

from homefeed import ids
from homefeed.settings import load
from serving import metrics
from serving.acts import Act, acts_of
from serving.fresh_viewer import with_acts
from serving.recent_store import RedisRecent, SqliteRecent, open_recent_store
from serving.request import PageRequest
from serving.snapshot import Snapshot
from serving.viewer import UNKNOWN, viewer_of

HOUR = timedelta(hours=1)


def event(number, event_type="watch", user="viewer-1", event_id="e-1", time=NOW, **fields):
    made = {"event_id": event_id, "type": event_type, "time": time.isoformat(), "user": user, "video": video_id(number)}
    return made | ({"seconds": 30.0} if event_type == "watch" else {}) | fields


def acts(*events):
    return acts_of(events, NOW, max_late=HOUR, max_future=timedelta(minutes=5))


def keys(*numbers):
    return [ids.key(video_id(n)) for n in numbers]


def within_two_seconds(happened):
    until = time.monotonic() + 20  # a busy machine may be slower than the two seconds of an idle one
    while time.monotonic() < until:
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def shown(feed, user="viewer-1"):
    return {video["video"] for video in feed.recommend(PageRequest(user=user))["videos"]}


class TestActs:
    def test_what_changes_no_page_is_no_act(self):
        assert acts() == []
        assert acts(event(1, "impression"), {"event_id": "e", "type": "video", "time": NOW.isoformat()}) == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"user": "x" * 65}, {"user": None}, {"video": ""}, {"video": 7}, {"seconds": None}, {"seconds": -1.0},
            {"seconds": float("nan")}, {"time": "yesterday"}, {"time": "2026-11-23T22:05:00"},
            {"time": "2026-11-23T22:11:00Z"}, {"time": "2026-11-23T21:04:59Z"}, {"type": "feedback", "kind": "hiss"},
            {"type": "feedback"}, {"type": "user", "blocked_channels": [3]}, {"type": "user", "blocked_channels": 5},
        ],
    )  # fmt: skip
    def test_what_ingestion_refuses_and_what_is_long_past_is_left_out(self, wrong):
        assert acts(event(1, time=NOW) | wrong) == []

    def test_an_act_has_keys_and_microseconds(self):
        (watch,) = acts(event(3, time=NOW.replace(microsecond=123457)))
        assert watch == Act(ids.key("viewer-1"), "e-1", watch.time_us, "watch", ids.key(video_id(3)), 30.0)
        assert watch.time_us % 1_000_000 == 123457
        assert Act.load(watch.dump()) == watch


class TestFreshViewer:
    snapshot = Snapshot("w", table(50))  # video i lasts 60 + i s
    settings = load().features

    def after(self, viewer, *events):
        return with_acts(viewer, acts(*events), self.snapshot, self.settings)

    def test_nothing_happened(self):
        assert self.after(UNKNOWN) is UNKNOWN

    def test_a_new_viewer_is_known_after_a_watch(self):
        viewer = self.after(UNKNOWN, event(4, seconds=32.0), event(5, seconds=4.9, event_id="short"))
        assert viewer.known
        assert viewer.keys("history_videos").tolist() == keys(4)
        assert viewer.row["history_fractions"].tolist() == [0.5]
        assert viewer.keys("watched_videos").tolist() == keys(4)

    def test_watches_come_in_time_order_with_those_of_the_row_and_the_oldest_leave(self):
        at = [int(NOW.timestamp() - s) * 1_000_000 for s in range(50, 0, -1)]
        row = {"history_videos": list(range(50)), "history_times": at, "history_fractions": [0.1] * 50}
        viewer = self.after(viewer_of(row), event(1, time=NOW - timedelta(seconds=1.5)), event(2, event_id="e-2"))
        assert viewer.keys("history_videos")[-3:].tolist() == [keys(1)[0], 49, keys(2)[0]]
        assert len(viewer.keys("history_videos")) == 50
        assert viewer.keys("history_videos")[0] == 2

    def test_feedback_and_profiles(self):
        events = [
            event(1, "feedback", kind="not_interested", event_id="a"),
            event(2, "feedback", kind="report", event_id="b"),
            event(3, "feedback", kind="like", event_id="c"),
            event(4, "feedback", kind="subscribe", event_id="d"),
            event(0, "user", country="FR", age=20, event_id="e"),
            event(0, "user", country="DE", blocked_channels=["x"], event_id="f", time=NOW + timedelta(seconds=1)),
        ]
        viewer = self.after(UNKNOWN, *reversed(events))
        assert set(viewer.keys("dismissed_videos")) == set(keys(1, 2))
        assert viewer.keys("subscribed_channels").tolist() == [ids.key("channel-04")]
        assert (viewer.row["country"], viewer.row["age"]) == ("DE", None)
        assert viewer.keys("blocked_channels").tolist() == [ids.key("x")]

    def test_a_video_outside_of_the_catalogue_is_dismissed_but_not_watched(self):
        viewer = self.after(UNKNOWN, event(99), event(99, "feedback", kind="dislike", event_id="e-2"))
        assert len(viewer.keys("history_videos")) == len(viewer.keys("watched_videos")) == 0
        assert viewer.keys("dismissed_videos").tolist() == keys(99)

    def test_what_the_row_holds_already_changes_nothing(self):
        events = [event(4), event(4, "feedback", kind="subscribe", event_id="e-2"), event(0, "user", event_id="e-3")]
        once = self.after(UNKNOWN, *events)
        twice = with_acts(once, acts(*events), self.snapshot, self.settings)
        for name, value in once.row.items():
            assert np.array_equal(np.asarray(twice.row[name]), np.asarray(value)), name


@pytest.fixture(params=["sqlite", "redis"])
def open_store(request, tmp_path, program):
    """`open_store()` opens one store again and again, as processes do."""
    opened, server = [], None
    if request.param == "redis":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [program("redis-server"), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def connect():
        if server is None:
            return SqliteRecent(tmp_path / "recent.db", 1.0)
        for _ in range(200):
            try:
                return RedisRecent(f"127.0.0.1:{port},db=0", HOUR, 1.0)
            except redis.exceptions.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("redis-server did not come up")

    def make():
        opened.append(connect())
        return opened[-1]

    yield make
    for store in opened:
        store.close()
    if server is not None:
        server.terminate()
        server.wait()


class TestStores:
    def test_an_act_is_there_once_for_every_process_until_it_is_forgotten(self, open_store):
        one, other = open_store(), open_store()
        first, second = acts(event(1), event(2, event_id="e-2"))
        assert other.read(first.user) == []
        one.write([first], NOW)
        other.write([first, second], NOW + timedelta(minutes=10))  # a retry that reached another process
        for store in (one, other):
            assert sorted(store.read(first.user), key=lambda act: act.event_id) == [first, second]
            assert store.read(1) == []
        one.forget(NOW)
        assert len(one.read(first.user)) == 2
        one.forget(NOW + timedelta(minutes=10))
        assert one.read(first.user) == [second]

    def test_the_newest_are_read_of_more_than_a_page_can_use(self, open_store):
        store = open_store()
        for batch in range(3):
            many = acts(*(event(n, event_id=f"{batch}-{n}") for n in range(300)))
            store.write(many, NOW + batch * timedelta(seconds=1))
        read = store.read(ids.key("viewer-1"))
        assert len(read) == 500
        assert sum(act.event_id.startswith("2-") for act in read) == 300

    def test_the_profile_chooses_the_store(self, settings):
        store = open_recent_store(settings)
        assert isinstance(store, SqliteRecent)
        store.close()
        gone = settings.model_copy(
            update={"features": settings.features.model_copy(update={"online_url": "127.0.0.1:9,password=x"})}
        )
        with pytest.raises(redis.exceptions.ConnectionError):
            open_recent_store(gone)


class TestFeed:
    def test_a_dismissal_and_a_watch_change_the_next_page_of_every_process(self, world, open_feed):
        world.release("r1")
        here, there = open_feed(exploration=0.0), open_feed(exploration=0.0)
        first, second, *_ = [v["video"] for v in here.recommend(PageRequest(user="viewer-1"))["videos"]]
        others = shown(there, "viewer-2")
        here.accept([
            event(0, event_id="a", video=first), event(0, "feedback", event_id="b", video=second, kind="dislike"),
        ])  # fmt: skip
        within_two_seconds(lambda: not {first, second} & shown(there))
        assert not {first, second} & shown(here)
        assert any("Because you watched" in v["why"] for v in there.recommend(PageRequest(user="viewer-1"))["videos"])
        assert shown(there, "viewer-2") == others

    def test_events_are_taken_while_the_store_fails_and_reach_it_when_it_is_back(self, world, open_feed, tmp_path):
        world.release("r1")
        store, failing = SqliteRecent(tmp_path / "recent.db", 1.0), [True]

        class Fails:
            def write(self, *args):
                if failing:
                    raise OSError("gone")
                store.write(*args)

            def __getattr__(self, name):
                return getattr(store, name)

        before = metrics.RECENT_FAILURES.labels(operation="write")._value.get()
        feed = open_feed(open_recent=Fails)
        (video, *_) = shown(feed)
        assert feed.accept([event(0, "feedback", video=video, kind="dislike")]) == 1
        within_two_seconds(lambda: metrics.RECENT_FAILURES.labels(operation="write")._value.get() > before)
        assert feed.recommend(PageRequest(user="viewer-1"))["degraded"] == []
        failing.clear()
        within_two_seconds(lambda: video not in shown(feed))

    @pytest.mark.parametrize("how", ["slow", "broken", "absent"])
    def test_a_store_that_cannot_be_read_is_named_and_costs_only_freshness(self, world, open_feed, tmp_path, how):
        world.release("r1")
        world.viewers["viewer-1"] = {"known": True, "dismissed_videos": keys(3)}
        store, asleep = SqliteRecent(tmp_path / "recent.db", 1.0), []

        class Unwell:
            def read(self, user):
                if user and how == "slow":
                    asleep.append(time.sleep(0.3))
                if user and how == "broken":
                    raise OSError("gone")
                return store.read(user)

            def __getattr__(self, name):
                return getattr(store, name)

        def unreachable():
            raise ConnectionError("no such host")

        feed = open_feed(open_recent=unreachable if how == "absent" else Unwell, viewer_timeout_s=0.05)
        page = feed.recommend(PageRequest(user="viewer-1"))
        why = {"slow": "recent_timeout", "broken": "recent_error", "absent": "recent_no_store"}
        assert page["degraded"] == [why[how]]
        assert len(page["videos"]) == 100
        assert video_id(3) not in {v["video"] for v in page["videos"]}

    def test_too_many_that_wait_are_counted_and_left_out(self, world, open_feed):
        def unreachable():
            raise ConnectionError("no such host")

        feed = open_feed(open_recent=unreachable, max_waiting_events=3)
        before = metrics.RECENT_FAILURES.labels(operation="queue")._value.get()
        assert feed.accept([event(n, event_id=f"e-{n}") for n in range(3)]) == 3
        assert feed.accept([event(9, event_id="e-9")]) == 1
        assert metrics.RECENT_FAILURES.labels(operation="queue")._value.get() == before + 1
