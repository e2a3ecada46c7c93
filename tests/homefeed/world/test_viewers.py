"""Live viewers against a service that answers from a list: what they send is what a site's clients would send."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homefeed.clock import set_clock
from homefeed.settings import Settings
from homefeed.settings.world import WorldSettings
from homefeed.world.reactions import AHEAD, ReplayReactions, WorldReactions
from homefeed.world.site import WorldError
from homefeed.world.viewers import LiveViewers, ServiceDownError

END = datetime(2026, 11, 23, 22, tzinfo=UTC)
WORLD = WorldSettings(num_viewers=200, num_videos=500, uploads_per_day=0.5, live_step_s=0.01, late_share=0.5)


def _page(user: str, request_id: str) -> dict[str, Any]:
    slot = {"source": "two_tower", "score": 0.5, "propensity": 0.9, "explored": False, "title": "", "channel": "c"}
    slot |= {"topics": ["t"], "duration_s": 60.0, "uploaded": END.isoformat(), "why": ""}
    videos = [{"slot": i, "video": f"video-{i:07d}", **slot} for i in range(100)]
    made = {"request_id": request_id, "release": "r1", "user": user, "latency_ms": 3.0, "videos": videos}
    return made | {"time": END.isoformat(), "degraded": []}


class Service:
    """A service that remembers; `refuses` makes it fail."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refuses: set[str] = set()
        service, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with lock:
                    if self.path in service.refuses:
                        status, answer = 503, {"error": "disk full"}
                    elif self.path == "/v1/events":
                        service.events += body["events"]
                        status, answer = 202, {"accepted": len(body["events"])}
                    else:
                        service.pages += 1
                        status, answer = 200, _page(body["user"], f"r-{service.pages}")
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.pages = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()
    running.thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path, seed=1, world=WORLD)


@pytest.fixture
def viewers(service: Service, settings: Settings) -> Iterator[LiveViewers]:
    live = LiveViewers(settings, service.url, WorldReactions(settings, END))
    yield live
    live.close()


def test_no_visits_post_nothing(service: Service, viewers: LiveViewers) -> None:
    report = viewers.visit(0, END)
    assert (report.num_visits, report.num_events, report.error) == (0, 0, "")
    assert service.events == []


def test_impressions_echo_the_answer_and_come_at_the_time_of_the_visit(service: Service, viewers: LiveViewers) -> None:
    report = viewers.visit(40, END)
    seen = service.of("impression")
    assert report.num_visits == service.pages == 40
    assert report.num_events == len(service.events)
    assert report.impressions == len(seen) == len({event["event_id"] for event in seen})
    # About 30 of 100 slots are scrolled to, the first always.
    assert 15 * 40 < len(seen) < 50 * 40
    assert sum(event["slot"] == 0 for event in seen) == 40
    for event in seen:
        assert event["video"] == f"video-{event['slot']:07d}"
        assert (event["release"], event["source"], event["propensity"]) == ("r1", "two_tower", pytest.approx(0.9))
        assert END <= datetime.fromisoformat(event["time"]) < END + AHEAD


def test_late_events_are_posted_when_their_time_has_come(service: Service, viewers: LiveViewers) -> None:
    for minute in range(5):
        viewers.visit(100, END + timedelta(minutes=minute))
    assert all(datetime.fromisoformat(e["time"]) <= END + timedelta(minutes=4) + AHEAD for e in service.events)
    before = len(service.of("watch"))
    later = viewers.visit(0, END + timedelta(hours=12))
    assert later.watches == len(service.of("watch")) - before > 0


def test_uploads_after_the_history_are_posted_once(service: Service, viewers: LiveViewers) -> None:
    viewers.visit(0, END + timedelta(hours=6))
    viewers.visit(0, END + timedelta(hours=6))
    uploads = service.of("video")
    assert [event["video"] for event in uploads] == [f"video-{500 + i:07d}" for i in range(len(uploads))]
    assert 20 < len(uploads) < 150
    assert all(event["uploaded"] == event["time"] for event in uploads)


def test_failed_pages_are_counted(service: Service, viewers: LiveViewers) -> None:
    service.refuses = {"/v1/recommend"}
    report = viewers.visit(5, END)
    assert (report.num_failed, report.impressions) == (5, 0)
    assert "503" in report.error


def test_events_that_were_refused_are_posted_later(service: Service, viewers: LiveViewers) -> None:
    service.refuses = {"/v1/events"}
    with pytest.raises(ServiceDownError, match="disk full"):
        viewers.visit(5, END)
    service.refuses = set()
    viewers.visit(0, END)
    assert len({event["request_id"] for event in service.of("impression")}) == 5


def test_live_mode_follows_the_clock_and_stops(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    set_clock(file, END)
    settings = Settings(var=tmp_path, seed=1, world=WORLD, clock_file=file)
    live = LiveViewers(settings, service.url, WorldReactions(settings, END))
    stop = threading.Event()
    thread = threading.Thread(target=live.run, args=(stop,))
    thread.start()
    minute = 0
    while not service.of("impression") and thread.is_alive():
        minute += 30
        set_clock(file, END + timedelta(minutes=minute))
        stop.wait(0.05)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert service.of("impression")


def test_replayed_viewers_watch_what_the_log_says_once() -> None:
    future = pa.table(
        {
            "user": ["u", "u", "v"],
            "video": ["video-0000000", "film", "video-0000000"],
            "seconds": pa.array([60.0, 70.0, 80.0], pa.float32()),
            "liked": [True, True, False],
        }
    )
    replay = ReplayReactions(future, seed=1, elsewhere=0)
    assert {visitor.user for visitor in replay.visitors(50, END)} == {"u", "v"}
    events = replay.react(["u"], [_page("u", "r-1")], END)
    watches = [event for event in events if event["type"] == "watch"]
    # The page shows video-0000000 and not the film; v saw no page.
    assert [(w["user"], w["video"], w["seconds"], w["request_id"]) for w in watches] == [
        ("u", "video-0000000", 60.0, "r-1")
    ]
    assert datetime.fromisoformat(watches[0]["time"]) == END + timedelta(seconds=5)
    assert [event["kind"] for event in events if event["type"] == "feedback"] == ["like"]
    again = replay.react(["u"], [_page("u", "r-2")], END + timedelta(minutes=1))
    assert {event["type"] for event in again} == {"impression"}


def test_replayed_viewers_go_on_to_what_the_log_says_next() -> None:
    films = ["video-0000000", "film-a", "film-b", "film-c"]
    future = pa.table(
        {
            "user": ["u"] * 4,
            "video": films,
            "seconds": pa.array([60.0] * 4, pa.float32()),
            "liked": [False] * 3 + [True],
        }
    )
    replay = ReplayReactions(future, seed=1, elsewhere=2)

    def watches(request_id: str, time: datetime) -> list[tuple[str, str | None, timedelta]]:
        events = replay.react(["u"], [_page("u", request_id)], time)
        found = [event for event in events if event["type"] == "watch"]
        return [(w["video"], w.get("request_id"), datetime.fromisoformat(w["time"]) - time) for w in found]

    half = timedelta(seconds=30)
    assert watches("r-1", END) == [
        ("video-0000000", "r-1", timedelta(seconds=5)),
        ("film-a", None, half),
        ("film-b", None, 2 * half),
    ]
    assert watches("r-2", END + timedelta(hours=1)) == [("film-c", None, half)]
    assert watches("r-3", END + timedelta(hours=2)) == []


def test_a_log_without_a_future_is_refused() -> None:
    with pytest.raises(WorldError, match="held out"):
        ReplayReactions(pa.table({"user": [], "video": [], "seconds": [], "liked": []}))
