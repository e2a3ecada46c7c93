"""The ladder of docs/serving.md over HTTP: each part that fails leaves a page, a metric and a line of log."""

import re
import sys
import time
from pathlib import Path

import httpx
import pytest

from homefeed.registry import Stage
from serving.degraded import DegradedLog
from serving.process import start

COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
DOCS = Path(__file__).parents[2] / "docs" / "serving.md"
FAULTS = {
    "viewer-slow": "viewer_timeout",
    "viewer-gone": "viewer_error",
    "recent-slow": "recent_timeout",
    "recent-gone": "recent_error",
    "two-tower-fails": "two_tower",
    "ranker-fails": "ranker",
}


def ask(http):
    answer = http.post("/v1/recommend", json={"user": "viewer-1"})
    assert answer.status_code == 200
    page = answer.json()
    assert len({video["video"] for video in page["videos"]}) == 100
    return page


def until(happened):
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def changed(world):
    """The world with a service that looks often and leaves a failing store alone for a moment only."""
    serving = world.settings.serving.model_copy(update={"poll_s": 0.1, "viewer_timeout_s": 0.2, "breaker_s": 0.2})
    world.settings = world.settings.model_copy(update={"serving": serving})
    world.write_stub("r1")
    world.write_stub("r2", "damaged")
    return world


@pytest.mark.slow
def test_each_rung_leaves_a_page_a_metric_and_a_line_of_log(changed):
    changed.release("r1")
    with start(changed.settings, 0, command=COMMAND) as service, httpx.Client(base_url=service.url, timeout=30) as http:
        assert ask(http)["degraded"] == []
        for fault, part in FAULTS.items():
            file = changed.settings.var / fault
            file.touch()
            assert ask(http)["degraded"] == [part], fault
            assert f'homefeed_degraded_total{{part="{part}"}} 1.0' in http.get("/metrics").text
            assert re.search(rf"1 pages degraded by {part} .*r-[0-9a-f]+", service.output()), fault
            file.unlink()
            until(lambda: ask(http)["degraded"] == [])

        for _ in range(changed.settings.serving.breaker_failures):
            (changed.settings.var / "viewer-gone").touch()
            parts = ask(http)["degraded"]
        assert parts == ["viewer_error"]
        assert ask(http)["degraded"] == ["viewer_breaker"]
        (changed.settings.var / "viewer-gone").unlink()

        changed.release("r2")  # goes live, and cannot be loaded
        until(lambda: ask(http)["degraded"] == ["stale_release"])
        assert ask(http)["release"] == "r1"
        assert http.get("/v1/release").json()["failed"] == {"r2": "bundle r2 was altered"}
        assert 'homefeed_bundle_failures_total{release="r2"} 1.0' in http.get("/metrics").text
        assert "r2" in service.output()


@pytest.mark.slow
def test_the_last_rungs_are_what_is_trending_and_no_page_at_all(changed):
    changed.release("r2", Stage.LIVE)
    with start(changed.settings, 0, command=COMMAND) as service, httpx.Client(base_url=service.url, timeout=30) as http:
        page = ask(http)
        assert (page["degraded"], page["release"]) == (["no_release"], "")
        assert {video["source"] for video in page["videos"]} <= {"trending", "fresh"}
        assert "degraded by no_release" in service.output()

        event = {"event_id": "e", "type": "user", "time": "2026-11-23T22:04:00Z", "user": "v"}
        changed.settings.events_path.touch()  # a file where the folder of the log should be
        answer = http.post("/v1/events", json={"events": [event]})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "send them again later" in answer.json()["error"]
        assert 'homefeed_events_refused_total{reason="disk"} 1.0' in http.get("/metrics").text
        assert re.search(r"POST /v1/events answered 503 after .* request [0-9a-f]{32}", service.output())
        ask(http)  # pages go on
        changed.settings.events_path.unlink()
        assert http.post("/v1/events", json={"events": [event]}).status_code == 202


def test_the_ladder_is_written_down():
    ladder = DOCS.read_text()
    for part in (
        *FAULTS.values(),
        "viewer_breaker",
        "viewer_no_store",
        "recent_no_store",
        "stale_release",
        "no_release",
    ):
        assert f"`{part}`" in ladder, part


def test_a_part_is_told_once_a_minute_with_the_number_of_pages(caplog):
    time_s = [0.0]
    log = DegradedLog(every_s=60.0, now=lambda: time_s[0])
    log.add([], "r-0")
    log.add(["ranker", "fresh"], "r-1")
    log.add(["ranker"], "r-2")
    log.add(["ranker"], "r-3")
    time_s[0] = 60.0
    log.add(["ranker"], "r-4")
    told = [re.findall(r"(\d+) pages degraded by (\w+) .* such as (r-\d)", line)[0] for line in caplog.messages]
    assert told == [("1", "ranker", "r-1"), ("1", "fresh", "r-1"), ("3", "ranker", "r-4")]
