"""Replicas of the real service behind a real HAProxy: one is killed, all are replaced, and no caller notices."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tiny_site import NOW

from homefeed.cli.supervisor.preflight import free_port
from homefeed.client import feedback
from homefeed.ingest.window import ingest_windows
from homefeed.lake import open_lake
from homefeed.settings import load
from serving.haproxy import ReplicasError, configuration
from serving.process import start

COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
WINDOW = "20261123T2200Z"


@pytest.fixture
def site(world, program, tmp_path):
    """Two replicas behind HAProxy: `(url of HAProxy, url of its metrics, replicas, start one anew)`."""
    command = program("haproxy")
    world.write_stub("r1")
    world.release("r1")
    with ThreadPoolExecutor(2) as pool:
        draining = {"drain_s": 4.0, "check_s": 0.1, "check_timeout_s": 20.0, "slow_start_s": 1.0}
        world.settings = world.settings.model_copy(
            update={"replicas": world.settings.replicas.model_copy(update=draining)}
        )
        running = list(pool.map(lambda port: start(world.settings, port, command=COMMAND), quiet_ports(2)))
    addresses = ",".join(urlsplit(replica.url).netloc for replica in running)
    replicas = world.settings.replicas.model_copy(
        update={"addresses": addresses, "port": free_port(), "metrics_port": free_port()}
    )
    world.settings = world.settings.model_copy(update={"replicas": replicas})
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(world.settings))
    subprocess.run([command, "-c", "-f", str(file)], check=True, capture_output=True, timeout=30)
    balancer = subprocess.Popen([command, "-db", "-f", str(file)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def again(number):
        running[number].stop()
        running[number] = start(world.settings, urlsplit(running[number].url).port, command=COMMAND)

    url, metrics = (f"http://127.0.0.1:{port}" for port in (replicas.port, replicas.metrics_port))
    try:
        wait_for(lambda: up(metrics) == 2)
        yield url, metrics, running, again
    finally:
        balancer.terminate()
        balancer.wait(10)
        for each in running:
            each.stop()


def quiet_ports(num):
    """Free ports below those that the kernel gives to callers: one of these would have it while a replica is away."""
    found = []
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == num:
            return found
    raise AssertionError("no free port")


def up(metrics):
    """How many replicas get requests, as HAProxy sees them."""
    try:
        text = httpx.get(f"{metrics}/metrics", timeout=5).text
    except httpx.TransportError:
        return 0
    rows = [row for row in text.splitlines() if row.startswith('haproxy_server_status{proxy="replicas"')]
    return sum('state="UP"' in row and row.endswith(" 1") for row in rows)


def wait_for(met, wait_s=60):
    until = time.monotonic() + wait_s
    while not met():
        assert time.monotonic() < until
        time.sleep(0.02)


class Callers:
    """Four callers that ask for pages and send events, and keep each answer; none of them tries anything twice."""

    def __init__(self, url):
        self.url, self.stop = url, threading.Event()
        self.answers, self.sent = [], []
        self.pool = ThreadPoolExecutor(4)

    def __enter__(self):
        self.calls = [self.pool.submit(self.call, number) for number in range(4)]
        wait_for(lambda: len(self.answers) > 20)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.pool.shutdown()
        for call in self.calls:
            call.result()

    def call(self, caller):
        number = 0
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.stop.is_set():
                number += 1
                event = feedback(f"viewer-{caller}", f"video-{number % 400:04}", "like", time=NOW)
                event |= {"event_id": f"{caller}-{number}"}
                taken = client.post("/v1/events", json={"events": [event]})
                if taken.status_code == 202:
                    self.sent.append(event["event_id"])
                page = client.post("/v1/recommend", json={"user": f"viewer-{caller}", "num": 5})
                self.answers += [(taken.status_code, taken.text[:200]), (page.status_code, page.text[:200])]

    def more(self, num):
        """Wait for so many further answers."""
        enough = len(self.answers) + num
        wait_for(lambda: len(self.answers) >= enough)


@pytest.mark.slow
def test_a_killed_replica_and_a_replaced_one_cost_no_request_and_no_event(site, world):
    url, metrics, running, again = site
    with Callers(url) as callers:
        os.kill(running[0].pid, signal.SIGKILL)
        callers.more(50)
        wait_for(lambda: up(metrics) == 1)
        again(0)
        wait_for(lambda: up(metrics) == 2)
        # Asked to stop, it says so to those who ask for its health, and answers the others.
        running[1].process.terminate()
        wait_for(lambda: httpx.get(f"{running[1].url}/readyz", timeout=30).status_code == 503)
        page = httpx.post(f"{running[1].url}/v1/recommend", json={"user": "viewer-1", "num": 5}, timeout=30)
        assert page.status_code == 200
        running[1].process.wait(60)  # Asked twice, it would stop at once.
        again(1)
        wait_for(lambda: up(metrics) == 2)
        callers.more(50)
    failed = [answer for answer in callers.answers if answer[0] not in (200, 202)]
    assert failed == []
    # Every writer has a file of its own: two replicas, each of which was started anew.
    assert len(list((world.settings.events_path / WINDOW).glob("*.jsonl"))) == 4
    ingest_windows(world.settings, [WINDOW])
    found = open_lake(world.settings.lake_path).read("feedback").column("event_id").to_pylist()
    assert sorted(found) == sorted(callers.sent)

    assert httpx.get(f"{url}/metrics").status_code == 404
    for each in running:
        each.process.kill()
    wait_for(lambda: up(metrics) == 0)
    nobody = httpx.post(f"{url}/v1/recommend", json={"user": "viewer-1"})
    assert (nobody.status_code, nobody.headers["retry-after"]) == (503, "1")
    assert nobody.json() == {"error": "no replica of the service is ready"}


@pytest.mark.parametrize(
    ("replicas", "why"),
    [
        ({"addresses": "10.0.0.1"}, "'10.0.0.1' is no replica"),
        ({"addresses": "10.0.0.1:3000,"}, "'' is no replica"),
        ({"addresses": "a:1, a:1"}, "names a replica twice"),
        ({"drain_s": 2.0}, "drains for 2 s but HAProxy notices it after 2 s"),
    ],
)
def test_replicas_that_cannot_be_put_behind_a_balancer_are_refused(replicas, why):
    with pytest.raises(ReplicasError, match=why):
        configuration(load(replicas=replicas))


def test_the_configuration_says_what_the_settings_say():
    made = configuration(load(replicas={"addresses": "a:1, b:2", "slow_start_s": 0}, serving={"timeout_s": 2.5}))
    assert "    server replica-1 a:1\n    server replica-2 b:2\n" in made
    assert "timeout server 3500ms" in made
    assert "slowstart" not in made
    assert "server replica-1 127.0.0.1:3000\n" in configuration(load())
