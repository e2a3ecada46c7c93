"""Index shards as services of their own: what the merge finds, and what a page is without one of them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from stub_shard import KEYS, WIDTH, vector_of
from test_replicas import wait_for
from tiny_site import StubBundle, table

from homefeed.settings import load
from homefeed.settings.environment import environment
from serving import metrics
from serving.request import PageRequest
from serving.shard_body import found_body, found_of, keys_of, rows_of, vectors_of
from serving.shards import RemoteShards, ShardsError, addresses_of, missed_shards

STUB = Path(__file__).parent / "stub_shard.py"
SHARDS = 3


class Running:
    """Shard services, each a process."""

    def __init__(self, world):
        listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(SHARDS)]
        self.ports = [each.getsockname()[1] for each in listening]
        shards = world.settings.shards.model_copy(
            update={
                "addresses": ",".join(f"127.0.0.1:{port}" for port in self.ports),
                "deadline_ms": 10_000.0,
                "keep_s": 8.0,
            }
        )
        serving = world.settings.serving.model_copy(update={"poll_s": 0.1})
        world.settings = world.settings.model_copy(update={"shards": shards, "serving": serving})
        self.variables = {**os.environ, **environment(world.settings)}
        self.processes = [self.start(number, each) for number, each in enumerate(listening)]

    def start(self, number, listening=None):
        with listening or socket.create_server(("127.0.0.1", self.ports[number])) as own:
            command = [sys.executable, str(STUB), "--shard", str(number), "--fd", str(own.fileno())]
            return subprocess.Popen(command, env=self.variables, pass_fds=[own.fileno()])

    def kill(self, number):
        self.processes[number].send_signal(signal.SIGKILL)
        self.processes[number].wait()


@pytest.fixture
def shards(world):
    """Three shard services of a release `r1` that is live."""
    world.release("r1")
    running = Running(world)
    yield running
    for process in running.processes:
        process.terminate()
    for process in running.processes:
        process.wait(30)


def exact(query, k, keys=KEYS):
    scores = vector_of(keys) @ query
    return keys[np.argsort(-scores, kind="stable")[:k]]


def missed(shard, reason):
    return metrics.SHARDS_MISSED.labels(shard=str(shard), reason=reason)._value.get()


def short(settings, **changes):
    """The settings with a short deadline of the shards."""
    shards = settings.shards.model_copy(update={"deadline_ms": 100.0, **changes})
    return settings.model_copy(update={"shards": shards})


def check_several(remote, query):
    """Several searches at once are each the same, and vectors come in the order of their keys, whoever holds them."""
    other = np.random.default_rng(2).normal(size=WIDTH).astype(np.float32)
    each = remote.search_each(np.stack([query, other]), 20)
    assert [found.tolist() for found, _ in each] == [remote.search(q, 20)[0].tolist() for q in (query, other)]
    assert remote.search_each(np.zeros((0, WIDTH), np.float32), 100) == []
    taken = remote.take(np.array([KEYS[5], 12345, KEYS[9], KEYS[700]]))
    np.testing.assert_allclose(taken[[0, 2, 3]], vector_of(KEYS[[5, 9, 700]]), atol=1e-6)
    assert taken.shape == (4, WIDTH)
    assert np.isnan(taken[1]).all()


@pytest.mark.slow
def test_all_shards_are_one_index_and_one_that_is_gone_is_left_out_named_and_counted(shards, world, open_feed):
    remote = RemoteShards(world.settings, "r1")
    remote.wait()
    query = np.random.default_rng(1).normal(size=WIDTH).astype(np.float32)
    degraded: list[str] = []
    with missed_shards(degraded):
        keys, scores = remote.search(query, 100)
        assert keys.tolist() == exact(query, 100).tolist()
        np.testing.assert_allclose(scores, vector_of(keys) @ query, atol=1e-5)
        assert len(remote.search(query, 5000)[0]) == 2000
        check_several(remote, query)
    assert degraded == []

    # One hangs: the others answer, and the search waits no longer than the deadline.
    (world.settings.var / "shard-2-slow").touch()
    remote, before = RemoteShards(short(world.settings), "r1"), missed(2, "timeout")
    remote.search(query, 100)
    with missed_shards(degraded):
        keys, _ = remote.search(query, 100)
        remote.search(query, 100)
    assert degraded == ["shard_2"]
    assert missed(2, "timeout") == before + 3
    held = KEYS[KEYS.astype(np.uint64) % np.uint64(SHARDS) != 2]
    assert keys.tolist() == exact(query, 100, held).tolist()
    (world.settings.var / "shard-2-slow").unlink()

    # One is gone: the page is made without it and says so; after failures in a row nobody asks it.
    shards.kill(1)
    remote = RemoteShards(world.settings, "r1")
    bundle = StubBundle("r1", table(400))
    bundle.query = lambda user, time: query
    bundle.search = remote.search
    world.bundles["r1"] = bundle
    feed = open_feed()
    errors, broken = missed(1, "error"), missed(1, "breaker")
    pages = [feed.recommend(PageRequest(user=f"viewer-{number}")) for number in range(7)]
    assert all(page["degraded"] == ["shard_1"] for page in pages)
    assert all(len(page["videos"]) == 100 for page in pages)
    assert {video["source"] for video in pages[0]["videos"]} >= {"two_tower"}
    assert (missed(1, "error") - errors, missed(1, "breaker") - broken) == (5, 2)

    # It comes back, and a client that had kept its connection to the old process is answered by the new one.
    remote = RemoteShards(world.settings, "r1")
    shards.kill(0)
    shards.processes[:2] = [shards.start(0), shards.start(1)]
    remote.wait()
    assert remote.search(query, 100)[0].tolist() == exact(query, 100).tolist()
    told = httpx.get(f"http://127.0.0.1:{shards.ports[1]}/metrics").text
    assert "homefeed_shard_queries_total 1.0" in told

    for number in range(SHARDS):
        shards.kill(number)
    with pytest.raises(ShardsError, match="none of 3 index shards answered"):
        remote.search(query, 100)


@pytest.mark.slow
def test_a_shard_says_what_is_wrong_with_a_call_and_keeps_what_is_still_asked_for(shards, world):
    url = f"http://127.0.0.1:{shards.ports[0]}"

    def held():
        try:
            return httpx.get(f"{url}/releases").json()["releases"]
        except httpx.TransportError:
            return []

    wait_for(lambda: held() == ["r1"])
    assert httpx.get(f"{url}/readyz").status_code == 200
    RemoteShards(world.settings, "r1").wait()
    wrong = ",".join(f"127.0.0.1:{shards.ports[number]}" for number in (0, 2, 1))
    with pytest.raises(ShardsError, match="is shard 2 of 3, not 1 of 3; HOMEFEED_SHARDS__ADDRESSES names each shard"):
        RemoteShards(short(world.settings, addresses=wrong), "r1").wait()
    with pytest.raises(ShardsError, match="release r9 is not in shard_0, shard_1, shard_2 after 0.5 s"):
        RemoteShards(short(world.settings, wait_s=0.5), "r9").wait()
    vector = np.zeros(WIDTH, "<f4").tobytes()
    for path, body, status, why in (
        ("/search?release=r2&k=5", vector, 404, "shard 0 does not hold release 'r2'"),
        ("/search?release=r1", vector, 400, "no search: 'k'"),
        ("/search?release=r1&k=0", vector, 400, "k is 0"),
        ("/search?release=r1&k=5", vector[:-1], 400, "no search: buffer size"),
        ("/take?release=r1", b"1234567", 400, "no keys: buffer size"),
    ):
        answer = httpx.post(f"{url}{path}", content=body)
        assert (answer.status_code, why in answer.json()["error"]) == (status, True), (path, answer.text)
    # A release that is replaced stays until replicas have loaded the next one.
    world.release("r2")
    wait_for(lambda: "r2" in held())
    assert held() == ["r1", "r2"]
    assert httpx.post(f"{url}/search?release=r1&k=3", content=vector).status_code == 200
    wait_for(lambda: held() == ["r2"])
    two = httpx.post(f"{url}/search?release=r2&k=3&num=2", content=2 * vector)
    assert [len(keys) for keys, _ in found_of(two.content, 2)] == [3, 3]


def test_bodies_come_back_as_they_were():
    found = [
        (np.array([7, -1], np.int64), np.array([2.5, 1.0], np.float32)),
        (np.array([], np.int64), np.array([], np.float32)),
        (np.array([3], np.int64), np.array([0.5], np.float32)),
    ]
    body = found_body(found)
    assert len(body) == 3 * 12 + 3 * 4
    again = found_of(body, 3)
    assert [(k.tolist(), s.tolist()) for k, s in again] == [([7, -1], [2.5, 1.0]), ([], []), ([3], [0.5])]
    for wrong in (body[:-1], body + b"\0" * 12, b""):
        with pytest.raises(ValueError, match="answer"):
            found_of(wrong, 3)
    assert vectors_of(np.arange(6, dtype="<f4").tobytes(), 2).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert rows_of(b"", 4).shape == (0, 4)
    assert keys_of(np.array([1, -2]).tobytes()).tolist() == [1, -2]


def test_addresses_that_are_none_are_refused():
    assert addresses_of(load()) == []
    assert addresses_of(load(shards={"addresses": "a:1, b:2"})) == [("a", 1), ("b", 2)]
    with pytest.raises(ShardsError, match="'b' is no shard"):
        addresses_of(load(shards={"addresses": "a:1,b"}))
