"""The client against a real service, and what the service does with too much and with the wrong thing."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tiny_site import NOW

from homefeed.client import BusyError, Client, ClientError, RefusedError, feedback, watch
from homefeed.ingest.window import ingest_windows
from homefeed.lake import open_lake
from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
DOCS = Path(__file__).parents[2] / "docs" / "client.md"
WINDOW = "20261123T2200Z"


@pytest.fixture
def start_service(world):
    """`start_service(retry_after_s=2)` is a service with `r1` live and a serving setting changed."""
    world.write_stub("r1")
    world.release("r1")
    running = []

    def begin(**serving):
        changed = world.settings.serving.model_copy(update={"poll_s": 0.1, **serving})
        world.settings = world.settings.model_copy(update={"serving": changed})
        running.append(start(world.settings, 0, command=COMMAND))
        return running[-1]

    yield begin
    for service in running:
        service.stop()


class LosesAnswers(httpx.HTTPTransport):
    """Delivers every request, and loses the answer of the first one."""

    def __init__(self):
        super().__init__()
        self.lost = 0

    def handle_request(self, request):
        answer = super().handle_request(request)
        answer.read()
        if not self.lost:
            self.lost += 1
            raise httpx.ReadError("the connection was reset")
        return answer


def lines(world):
    files = world.settings.events_path.glob("*/*.jsonl")
    return sum(len(file.read_text().splitlines()) for file in files)


def like(number, **changes):
    return feedback("viewer-1", f"video-{number:04}", "like", time=NOW) | changes


def test_the_quickstart_works_when_pasted(start_service, world, monkeypatch, capsys):
    monkeypatch.setenv("HOMEFEED_URL", start_service().url)
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    pasted = {}
    for block in blocks:
        exec(compile(block, str(DOCS), "exec"), pasted)
    printed = capsys.readouterr().out
    assert "6 events are on the service's disk" in printed
    assert f"r1 {{'window': '20261123T2150Z', 'videos': {400}}}" in printed
    assert (len(pasted["page"].videos), pasted["kept"], lines(world)) == (20, [], 12)  # the last block sends all again


def test_events_count_once_however_often_they_arrive(start_service, world):
    transport, waits = LosesAnswers(), []
    batch = [like(1), like(2), watch("viewer-1", "video-0001", 9.0, start=NOW)]
    with Client(start_service().url, transport=transport, sleep=waits.append, timeout_s=30) as client:
        # On disk, but the answer is lost: the same batch comes again. One event is in it twice.
        assert client.send([*batch, batch[0]]) == 4
        assert (len(waits), lines(world)) == (1, 8)
        assert client.send(batch) == 3
        with pytest.raises(RefusedError, match="answered 400: events.0.event_id: an id has 1 to 64 bytes") as caught:
            client.send([like(3, event_id="x" * 65)])
        assert caught.value.unsent[0]["event_id"] == "x" * 65
        assert client.send([like(4, user="x" * 65), like(5, time="2026-11-23T22:16:00Z")]) == 2
    ingest_windows(world.settings, [WINDOW])
    lake = open_lake(world.settings.lake_path)
    assert (lake.read("feedback").num_rows, lake.read("watches").num_rows) == (2, 1)
    reasons = sorted(row["reason"] for row in lake.read("quarantine").to_pylist())
    assert "after it arrived; the sender's clock is wrong" in reasons[0]
    assert "is not an id of 1 to 64 bytes" in reasons[1]


def test_a_full_backlog_and_a_full_service_say_when_to_come_back(start_service, world):
    service = start_service(max_waiting_events=5, max_concurrency=2, retry_after_s=2)
    busy = world.settings.var / "disk-is-busy"

    def waiting(number):
        for _ in range(500):
            if f"homefeed_events_waiting {number}.0" in httpx.get(f"{service.url}/metrics").text:
                return
            time.sleep(0.02)
        raise AssertionError(httpx.get(f"{service.url}/metrics").text)

    def free_the_disk(wait_s):
        waits.append(wait_s)
        busy.unlink()
        waiting(0)

    busy.touch()
    waits: list[float] = []
    patient = Client(service.url, timeout_s=30, sleep=free_the_disk)
    with Client(service.url, retries=0, timeout_s=30) as client, patient, ThreadPoolExecutor(2) as senders:
        try:
            first = senders.submit(client.send, [like(n) for n in range(4)])
            waiting(4)
            with pytest.raises(
                BusyError, match="429: 4 events wait for the disk and at most 5 may; send these 2"
            ) as full:
                client.send([like(4), like(5)])
            assert (full.value.retry_after_s, len(full.value.unsent)) == (2, 2)
            second = senders.submit(client.send, [like(6)])
            waiting(5)
            with pytest.raises(BusyError, match="429: Too many requests") as full:
                client.recommend("viewer-1")
            assert full.value.retry_after_s == 2
            assert patient.send(full_batch := [like(7), like(8)]) == len(full_batch)
        finally:
            busy.unlink(missing_ok=True)
        assert (first.result(), second.result()) == (4, 1)
    assert len(waits) == 1
    assert waits[0] >= 2
    assert lines(world) == 7
    assert 'homefeed_events_refused_total{reason="backlog"} 1.0' in httpx.get(f"{service.url}/metrics").text


def test_what_is_not_possible_now_says_when_to_come_back(start_service, world):
    for file in world.settings.snapshots_path.glob("*"):
        file.unlink()
    world.write_stub("r1", "damaged")
    world.settings.events_path.touch()  # a file where the folder of the log should be: a disk that takes nothing
    with Client(start_service(retry_after_s=3).url, retries=0, timeout_s=30) as client:
        for call, why in (
            (lambda: client.recommend("viewer-1"), "503: there is no catalogue yet"),
            (lambda: client.send([like(1)]), "503: the events were not taken, send them again later"),
        ):
            with pytest.raises(BusyError, match=why) as caught:
                call()
            assert caught.value.retry_after_s == 3
        world.settings.events_path.unlink()
        assert client.send([like(1)]) == 1


def test_large_and_wrong_bodies_are_refused_in_a_sentence(start_service, world):
    service = start_service()
    with httpx.Client(base_url=service.url, timeout=30) as http:
        long = b"x" * 10_000_000
        for path, body, why in (
            ("/recommend", b'{"user": "' + long + b'"}', "this one has 10000000"),
            ("/recommend", b'{"user": "u", "num": 1000}', "num: Input should be less"),
            ("/recommend", b'{"user": "u", "num": "all"}', "num: Input should be a valid integer"),
            ("/recommend", b'{"user": "u", "num": null}', "num: Input should be a valid integer"),
            ("/recommend", b'{"user": null}', "user: Input should be a valid string"),
            ("/recommend", b'{"user": "u", "exploration": NaN}', "exploration:"),
            ("/recommend", b'{"user": "u", "device": ["tv"]}', "device: Input should be"),
            ("/recommend", b"[" * 1_000_000, "Invalid JSON"),
            ("/events", b'{"events": "' + long + b'"}', "should be a valid array"),
            ("/events", b'{"events": [' + b"1," * 1_000_000 + b"1]}", "events.0: Input should be an object"),
            ("/events", b'{"events": [{"event_id": 1, "type": "watch", "time": 2}]}', "events.0.time: Input should be"),
        ):
            answer = http.post(path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code in {400, 413}, (path, body[:60], answer.status_code)
            assert why in answer.json()["error"], (path, body[:60])
            assert len(answer.content) < 1000, (path, body[:60])
    with Client(service.url, timeout_s=30) as client:
        assert len(client.recommend("somebody who was never seen").videos) == 100
        heavy = [like(n, note="x" * 9_000_000) for n in range(2)]  # 18 MB together: over the limit of a body
        assert client.send(heavy) == 2
        with pytest.raises(ClientError, match="413: the body is larger than 16777216 bytes"):
            client.send([like(3, note="x" * 17_000_000)])
    assert lines(world) == 2
    assert "Traceback" not in service.output()
