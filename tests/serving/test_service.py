import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tiny_site import NOW, table, video_id

from homefeed import serving_log
from homefeed.cli.feed import ServiceUnreachableError, fetch
from homefeed.registry import Stage
from serving.process import ServiceError, start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
EVENT = {"event_id": "e-1", "type": "watch", "time": NOW.isoformat(), "user": "v", "video": "x", "seconds": 3.5}


@pytest.fixture
def service(world):
    """A service in a process of its own, with `r1` live and `r2` made but not entered."""
    world.settings = world.settings.model_copy(
        update={"serving": world.settings.serving.model_copy(update={"poll_s": 0.1, "shadow_share": 1.0})}
    )
    for release in ("r1", "r2", "r3"):
        world.write_stub(release, "damaged" if release == "r3" else "whole")
    world.release("r1")
    with start(world.settings, 0, command=COMMAND) as process:
        yield process


def first_bytes(url, body):
    """What a caller gets of the answer to a page before it is given anything else."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /v1/recommend HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return connection.recv(65536).partition(b"\r\n\r\n")


@pytest.fixture
def client(service):
    with httpx.Client(base_url=service.url, timeout=30) as client:
        yield client


def test_the_whole_surface(client, world, service):
    """One process for everything that needs no process of its own: starting one takes seconds."""
    page = client.post("/recommend", json={"user": "viewer-1", "num": 7, "device": "phone", "surface": "home"})
    assert page.status_code == 200
    assert (page.json()["release"], page.json()["user"], len(page.json()["videos"])) == ("r1", "viewer-1", 7)
    assert page.json()["time"] == NOW.isoformat()
    # An answer leaves in one write: a caller who has its head has its body.
    for _ in range(5):
        head, _, body = first_bytes(service.url, b'{"user": "viewer-1", "num": 7}')
        assert head.startswith(b"HTTP/1.1 200")
        assert len(json.loads(body)["videos"]) == 7

    for body, why in (
        (b"", "user: Field required"),
        (b"{", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"user": 7}', "user: Input should be a valid string"),
        (b'{"user": ""}', "an id has 1 to 64 bytes"),
        (b'{"user": "' + b"x" * 65 + b'"}', "this one has 65"),
        (b'{"user": "u", "num": 0}', "num: Input should be greater"),
        (b'{"user": "u", "num": 101}', "num: Input should be less"),
        (b'{"user": "u", "device": "toaster"}', "device: Input should be 'phone'"),
        (b'{"user": "u", "exploration": 1.5}', "exploration:"),
        (b'{"user": "u", "country": "Germany"}', "country:"),
        (b'{"user": "u", "nmu": 5}', "nmu: Extra inputs"),
    ):
        answer = client.post("/recommend", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400, body
        assert why in answer.json()["error"], body
    assert client.get("/recommend").status_code == 405

    for path in ("/recommend", "/events"):
        for content_type in ("application/vnd.bentoml+pickle", "Application/vnd.BentoML+Pickle; v=5"):
            answer = client.post(path, content=b"cos\nsystem\n", headers={"content-type": content_type})
            assert answer.status_code == 415
            assert "refused" in answer.json()["error"]

    page = client.get("/", params={"user": "viewer-1"})
    assert page.text.count('<li class="card"') == 100
    assert "Title of 3 &lt;b&gt;" in page.text
    assert not re.search("Title of [0-9]+ <b>", page.text)  # a title is text
    assert "script-src" not in page.headers["content-security-policy"]
    hostile = client.get("/", params={"user": '"><script>alert(1)</script>'})
    assert "<script>alert" not in hostile.text
    assert client.get("/", params={"user": "u", "exploration": "7"}).status_code == 400
    too_long = client.get("/", params={"user": "x" * 65})
    assert too_long.status_code == 400
    assert "an id has 1 to 64 bytes" in too_long.text
    assert {client.get(p).status_code for p in ("/home.css", "/home.js", "/docs", "/livez", "/healthz", "/readyz")} == {
        200
    }
    assert client.get("/home.svg").headers["content-type"] == "image/svg+xml"
    assert "202" in client.get("/docs.json").json()["paths"]["/v1/events"]["post"]["responses"]

    state = client.get("/release").json()
    assert state["live"]["release"] == "r1"
    assert state["live"]["lake_versions"] == {"exposures": 1}
    metrics = client.get("/metrics").text
    assert 'homefeed_pages_total{release="r1",stage="live"}' in metrics
    assert 'homefeed_release{release="r1",stage="live"} 1.0' in metrics
    assert {"homefeed_pages_total", "process_resident_memory_bytes"} <= set(re.findall(r"^\w+", metrics, re.M))
    assert "_created" not in metrics  # as many series again, for nobody
    assert fetch(service.url, {"user": "viewer-1", "num": 3})["videos"][2]["slot"] == 2
    with pytest.raises(ServiceUnreachableError, match="answered 400: num:"):
        fetch(service.url, {"user": "viewer-1", "num": 300})
    assert "Traceback" not in service.output()


def test_events_are_on_disk_before_the_answer(client, world, service):
    def written():
        files = world.settings.events_path.glob("20261123T2200Z/*.jsonl")
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    answer = client.post("/events", json={"events": [EVENT, EVENT | {"event_id": "e-2", "extra": [1]}]})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2})
    assert written() == [EVENT, EVENT | {"event_id": "e-2", "extra": [1]}]
    for body, why in (
        ({}, "events: Field required"),
        ({"events": []}, "at least 1 item"),
        ({"events": "e"}, "should be a valid array"),
        ({"events": [EVENT, 3]}, "events.1: Input should be an object"),
        ({"events": [EVENT | {"type": "hover"}]}, "events.0.type"),
        ({"events": [{"type": "watch"}]}, "events.0.event_id: Field required"),
    ):
        answer = client.post("/events", json=body)
        assert answer.status_code == 400
        assert why in answer.json()["error"]
    for inside in (b"1" * 30, b'{"a": [%s]}' % (b"9" * 20), b'"\\ud800"'):  # numbers over 64 bits, half a character
        written_so = json.dumps(EVENT).encode()[:-1] + b', "extra": ' + inside + b"}"
        body = b'{"events": [' + json.dumps(EVENT).encode() + b", " + written_so + b"]}"
        answer = client.post("/v1/events", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400, inside
    many = [EVENT | {"event_id": f"m-{i}"} for i in range(world.settings.serving.max_events + 1)]
    assert client.post("/events", json={"events": many}).status_code == 413
    heavy = client.post("/events", content=iter([b" " * 2**20] * 17), headers={"content-type": "application/json"})
    assert heavy.status_code == 413
    assert len(written()) == 2
    os.kill(service.pid, signal.SIGKILL)
    assert len(written()) == 2


def test_a_swap_under_load_drops_nothing(client, world, service):
    world.release("r3", Stage.SHADOW)
    stop, pages, failures = threading.Event(), [], []

    def visit(visitor):
        with httpx.Client(base_url=service.url, timeout=30) as mine:
            count = 0
            while not stop.is_set():
                answer = mine.post("/recommend", json={"user": f"viewer-{visitor}-{count}", "num": 100})
                count += 1
                if answer.status_code != 200:
                    failures.append(answer.text)
                    continue
                page = answer.json()
                pages.append((page["release"], page["degraded"], len({v["video"] for v in page["videos"]})))

    def until(release):
        for _ in range(300):
            if client.get("/release").json()["live"]["release"] == release:
                return
            time.sleep(0.05)
        raise AssertionError(client.get("/release").json())

    with ThreadPoolExecutor(4) as visitors:
        running = [visitors.submit(visit, n) for n in range(4)]
        try:
            for release in ("r2", "r1", "r2"):
                world.release(release)
                until(release)
        finally:
            stop.set()
        for each in running:
            each.result()
    assert failures == []
    assert {release for release, _, _ in pages} == {"r1", "r2"}
    assert {size for _, _, size in pages} == {100}
    assert {part for _, degraded, _ in pages for part in degraded} <= {"stale_release"}
    assert client.get("/release").json()["failed"] == {"r3": "bundle r3 was altered"}
    assert service.stop() == 0
    rows = serving_log.read(world.settings.serving_path, "requests", "20261123T2200Z", "20261123T2200Z")
    assert rows.num_rows == len(pages)


def test_the_service_ends_with_the_process_that_started_it(world):
    script = (
        "import sys, os; from homefeed.settings import load; from serving.process import start; "
        f"p = start(load(), 0, command={COMMAND!r}); print(p.pid, flush=True); os._exit(0)"
    )
    from homefeed.settings.environment import environment

    variables = {**os.environ, **environment(world.settings)}
    out = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    pid = int(out.stdout)
    for _ in range(200):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        except (ProcessLookupError, FileNotFoundError):
            return
        if state == "Z":
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the service outlived its parent")


def test_a_taken_port_names_the_setting(world):
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, pytest.raises(ServiceError, match="HOMEFEED_SERVING__PORT"):
        start(world.settings, taken.getsockname()[1])


def test_a_service_that_cannot_start_says_what_it_printed(world):
    with pytest.raises(ServiceError, match="ended with code 3:\nno luck"):
        start(world.settings, 0, command=(sys.executable, "-c", "print('no luck'); raise SystemExit(3)"))


def test_without_a_catalogue_events_are_taken_and_pages_refused(world):
    for file in world.settings.snapshots_path.glob("*"):
        file.unlink()
    with start(world.settings, 0, command=COMMAND) as service, httpx.Client(base_url=service.url) as client:
        answer = client.post("/recommend", json={"user": "viewer-1"})
        assert (answer.status_code, client.get("/").status_code) == (503, 503)
        assert "no catalogue yet" in answer.json()["error"]
        assert client.post("/events", json={"events": [EVENT]}).status_code == 202
        world.publish(table(20))
        for _ in range(100):
            answer = client.post("/recommend", json={"user": "viewer-1", "num": 1, "exploration": 0})
            if answer.status_code == 200:
                break
            time.sleep(0.1)
        assert answer.json()["videos"][0]["video"] == video_id(0)


def test_no_service_at_all_is_said_so():
    with pytest.raises(ServiceUnreachableError, match="make run"):
        fetch("http://127.0.0.1:9", {"user": "viewer-1"})
