"""A service that is killed while events pour in: what it acknowledged is in the log, and counts once."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tiny_site import NOW

from homefeed.client import BusyError, Client, UnreachableError, feedback
from homefeed.ingest.window import ingest_windows
from homefeed.lake import open_lake
from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
WINDOW = "20261123T2200Z"


def test_acknowledged_events_survive_kill_9_and_count_once(world):
    service = start(world.settings, 0, command=COMMAND)
    port, stop = urlsplit(service.url).port, threading.Event()
    acknowledged: list[list[str]] = [[] for _ in range(4)]
    waits = []

    def wait(seconds):
        waits.append(seconds)
        time.sleep(seconds)

    def send(sender):
        number = 0
        with Client(service.url, timeout_s=30, sleep=wait) as client:
            while not stop.is_set():
                batch = [
                    feedback(f"viewer-{sender}", f"video-{n:04}", "like", time=NOW)
                    | {"event_id": f"{sender}-{number}-{n}"}
                    for n in range(50)
                ]
                number += 1
                unsent = batch
                while unsent:
                    try:
                        client.send(unsent)
                        unsent = []
                    except (UnreachableError, BusyError) as error:
                        unsent = list(error.unsent)
                        wait(0.05)
                acknowledged[sender] += [event["event_id"] for event in batch]

    def wait_for(more):
        target = sum(map(len, acknowledged)) + more
        until = time.monotonic() + 60
        while sum(map(len, acknowledged)) < target:
            assert time.monotonic() < until, service.output()
            time.sleep(0.01)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(send, n) for n in range(4)]
        try:
            for _ in range(2):
                wait_for(1000)
                os.kill(service.pid, signal.SIGKILL)
                service.process.wait()
                service.stop()
                service = start(world.settings, port, command=COMMAND)
            wait_for(1000)
        finally:
            stop.set()
        for each in running:
            each.result()
    service.stop()
    assert waits, "it was killed while nothing was under way"
    report = ingest_windows(world.settings, [WINDOW])
    found = open_lake(world.settings.lake_path).read("feedback").column("event_id").to_pylist()
    assert sorted(found) == sorted(name for each in acknowledged for name in each)
    assert report.accepted == len(found)
