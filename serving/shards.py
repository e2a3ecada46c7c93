"""The index in shards that are services of their own: all of them are asked at once, and who is late is left out.

The requests are written to every shard before the first answer is read, so that one thread waits as long as the slowest
shard takes and no longer than the deadline.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPException

import httpx
import numpy as np
from numpy.typing import NDArray

from homefeed.address import host_and_port
from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from models.index import Change, merged, shard_of
from models.index.live import Rest, VectorsOf
from serving.metrics import SHARD_SECONDS, SHARDS_MISSED
from serving.shard_body import WIDTH, Found, found_of, rows_of

_MISSED: ContextVar[list[str] | None] = ContextVar("missed", default=None)
_LOOK_S = 0.2
#: What an answer that is there already is given to be read in, when the time is over.
_LEAST_S = 0.001


class ShardsError(HomefeedError):
    """The shards cannot be used: the setting is wrong, none answers, or one lacks a release."""


@contextmanager
def missed_shards(degraded: list[str]) -> Iterator[None]:
    """Shards that searches of this thread go without are named in `degraded`, each once, as `shard_<number>`."""
    token = _MISSED.set(degraded)
    try:
        yield
    finally:
        _MISSED.reset(token)


def addresses_of(settings: Settings) -> list[tuple[str, int]]:
    """Host and port of each shard, in order; empty when the index is in this process. Raises ShardsError."""
    found = []
    for address in filter(None, (part.strip() for part in settings.shards.addresses.split(","))):
        parts = host_and_port(address)
        if parts is None:
            raise ShardsError(
                f"{address!r} is no shard; HOMEFEED_SHARDS__ADDRESSES is like 10.0.1.1:3100,10.0.1.2:3100"
            )
        found.append(parts)
    return found


class RemoteShards:
    """The index of one release behind the contract of an index in memory. Safe to use from many threads.

    A search with a shard missing finds what the others hold; `missed_shards` tells whose it is. Shards keep themselves
    to the newest catalogue, so `hold` does nothing.
    """

    def __init__(self, settings: Settings, release: str) -> None:
        self._release, self._own = release, settings.shards
        self._shards = [_Shard(number, *address, settings) for number, address in enumerate(addresses_of(settings))]

    def wait(self) -> None:
        """Wait until every shard has the release.

        Raises:
          ShardsError: one lacks it after `shards.wait_s`, or an address is that of another shard.
        """
        until = time.monotonic() + self._own.wait_s
        while lacking := [shard.name for shard in self._shards if not shard.has(self._release, len(self._shards))]:
            if time.monotonic() > until:
                raise ShardsError(
                    f"release {self._release} is not in {', '.join(lacking)} after {self._own.wait_s:g} s; "
                    "the log of `python -m serving.shard_service` says why"
                )
            time.sleep(_LOOK_S)

    def search(self, query: NDArray[np.float32], k: int) -> Found:
        """The `k` nearest of all shards that answer in time: query [d] -> keys [k], scores [k], best first.

        Raises:
          ShardsError: none answers.
        """
        return self.search_each(query[None, :], k)[0]

    def search_each(self, queries: NDArray[np.float32], k: int) -> list[Found]:
        """`search` for each of queries [q, d], in one request to each shard. Raises ShardsError when none answers."""
        if not len(queries):
            return []
        path = f"/search?release={self._release}&k={k}&num={len(queries)}"
        body = np.ascontiguousarray(queries, "<f4").tobytes()
        answers = self._ask(path, [(shard, body) for shard in self._shards])
        found = [found_of(answer[0], len(queries)) for answer in answers if answer is not None]
        if not found:
            raise ShardsError(f"none of {len(self._shards)} index shards answered within {self._own.deadline_ms:g} ms")
        return [merged(of_query, k) for of_query in zip(*found, strict=True)]

    def take(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of `keys` [m], [m, d]; NaN for one that no shard holds, or whose shard does not answer. [m, 1] when
        none of them answers."""
        shards = shard_of(keys, len(self._shards))
        places = [np.flatnonzero(shards == number) for number in np.unique(shards)]
        asked = [
            (self._shards[shards[place[0]]], np.ascontiguousarray(keys[place], "<i8").tobytes()) for place in places
        ]
        answers = self._ask(f"/take?release={self._release}", asked)
        width = next((answer[1] for answer in answers if answer is not None), 1)
        vectors = np.full((len(keys), width), np.nan, np.float32)
        for place, answer in zip(places, answers, strict=True):
            if answer is not None:
                vectors[place] = rows_of(answer[0], width)
        return vectors

    def hold(self, wanted: NDArray[np.int64], vectors_of: VectorsOf, rest: Rest | None = None) -> Change:
        """Do nothing: the shards look at the snapshots themselves."""
        return Change()

    def _ask(self, path: str, asked: Sequence[tuple["_Shard", bytes]]) -> list[tuple[bytes, int] | None]:
        """Body and width of the answer of each shard, None of one that did not answer in time."""
        until = time.perf_counter() + self._own.deadline_ms / 1000
        # Those that are connected first: a host that answers no connection keeps nobody else from the request.
        connected_first = sorted(asked, key=lambda pair: not pair[0].is_connected)
        begun = [(shard, shard.begin(path, body, until)) for shard, body in connected_first]
        answers = {shard: shard.end(call, until) for shard, call in begun}
        missed = _MISSED.get()
        for shard, answer in answers.items():
            if answer is None and missed is not None and shard.name not in missed:
                missed.append(shard.name)
        return [answers[shard] for shard, _ in asked]


class _Call:
    """A request that was written, or could not be; `is_kept` when its connection had been used before."""

    def __init__(self, connection: HTTPConnection, path: str, body: bytes, is_kept: bool) -> None:
        self.connection, self.path, self.body, self.is_kept = connection, path, body, is_kept
        self.began = time.perf_counter()
        self.error: Exception | None = None
        try:
            connection.request("POST", path, body)
        except (OSError, HTTPException) as error:
            self.error = error


class _Shard:
    """One shard: its kept connections, and a breaker that leaves it alone after failures in a row."""

    def __init__(self, number: int, host: str, port: int, settings: Settings) -> None:
        self.name, self.number = f"shard_{number}", number
        self._label, self._host, self._port = str(number), host, port
        self._serving = settings.serving
        self._free: deque[HTTPConnection] = deque()
        self._lock = threading.Lock()
        self._failures, self._closed_until = 0, 0.0
        # A release that is no longer served takes its connections with it.
        weakref.finalize(self, _close, self._free)

    def has(self, release: str, num_shards: int) -> bool:
        """Whether it holds a release now. Raises ShardsError when it is another shard, or one of another number."""
        try:
            told = httpx.get(f"http://{self._host}:{self._port}/releases", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        if (told.get("shard"), told.get("of")) != (self.number, num_shards):
            raise ShardsError(
                f"{self._host}:{self._port} is shard {told.get('shard')} of {told.get('of')}, not {self.number} of "
                f"{num_shards}; HOMEFEED_SHARDS__ADDRESSES names each shard once, in order, the same for all of them"
            )
        return release in told["releases"]

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection to spare."""
        return bool(self._free)

    def begin(self, path: str, body: bytes, until: float) -> _Call | None:
        """Write a request; None while it is left alone."""
        if time.monotonic() < self._closed_until:
            SHARDS_MISSED.labels(shard=self._label, reason="breaker").inc()
            return None
        try:
            return _Call(self._free.pop(), path, body, is_kept=True)
        except IndexError:
            return _Call(self._connection(until), path, body, is_kept=False)

    def end(self, call: _Call | None, until: float) -> tuple[bytes, int] | None:
        """The answer, and the width that it names; None when there is none until then."""
        if call is None:
            return None
        try:
            body, width = self._read(call, until)
        except TimeoutError:
            self._failed(call, "timeout")
            return None
        except (OSError, HTTPException, ValueError):
            self._failed(call, "error")
            return None
        self._failures = 0
        SHARD_SECONDS.labels(shard=self._label).observe(time.perf_counter() - call.began)
        return body, width

    def _read(self, call: _Call, until: float) -> tuple[bytes, int]:
        try:
            if call.error is not None:
                raise call.error
            return self._answer(call.connection, until)
        except (ConnectionError, HTTPException):
            call.connection.close()
            if not call.is_kept:
                raise
        # The shard closed a connection that was idle, as it may at any time: a new one.
        call.connection, call.is_kept = self._connection(until), False
        call.connection.request("POST", call.path, call.body)
        return self._answer(call.connection, until)

    def _answer(self, connection: HTTPConnection, until: float) -> tuple[bytes, int]:
        connection.sock.settimeout(_left_s(until))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}: {body[:200]!r}")
        self._free.append(connection)
        return body, int(answer.headers.get(WIDTH, "1"))

    def _connection(self, until: float) -> HTTPConnection:
        return HTTPConnection(self._host, self._port, timeout=_left_s(until))

    def _failed(self, call: _Call, reason: str) -> None:
        call.connection.close()
        SHARDS_MISSED.labels(shard=self._label, reason=reason).inc()
        with self._lock:
            self._failures += 1
            if self._failures >= self._serving.breaker_failures:
                self._closed_until, self._failures = time.monotonic() + self._serving.breaker_s, 0


def _left_s(until: float) -> float:
    return max(until - time.perf_counter(), _LEAST_S)


def _close(connections: deque[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
