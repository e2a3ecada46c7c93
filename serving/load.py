"""Load on a service, from a process of its own: callers that wait, and arrivals that do not.

Open loop: requests arrive on a schedule that no slow answer stretches, and a latency counts from the scheduled time, so
that what waits is not left out (Tene, "How NOT to Measure Latency": coordinated omission).
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
from numpy.typing import NDArray

#: An answer that takes longer is given up and counted as failed.
TIMEOUT_S = 20.0
_FAILED = 0
#: In the process that asks: what `Load.end` sets.
_enough: list[Event] = []


@dataclass(frozen=True)
class Answers:
    """n requests.

    Attributes:
      scheduled_s: [n] when each was due, seconds after the start.
      latency_s: [n] until its answer was read whole.
      status: [n] of HTTP; 0 for none.
      seconds: from the first request to the last answer.
    """

    scheduled_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    status: NDArray[np.int64]
    seconds: float

    def ms(self, share: float, status: int = 200) -> float:
        """A quantile of the latency of the answers of a status [ms]; NaN without any."""
        latency = self.latency_s[self.status == status]
        return float(1000 * np.quantile(latency, share)) if len(latency) else float("nan")

    @property
    def served(self) -> int:
        """Answers that are pages."""
        return int((self.status == 200).sum())

    def within(self, first_s: float, last_s: float) -> "Answers":
        """Those scheduled in [first_s, last_s)."""
        kept = (self.scheduled_s >= first_s) & (self.scheduled_s < last_s)
        return Answers(self.scheduled_s[kept], self.latency_s[kept], self.status[kept], last_s - first_s)


class Load:
    """A process that asks; use as a context manager.

    Args:
      url: of the service.
      users: ids asked for, in turns.
      extra: further fields of each request.
    """

    def __init__(self, url: str, users: Sequence[str], **extra: Any) -> None:
        self._target = (url, [orjson.dumps({"user": user, "device": "phone"} | extra) for user in users])
        processes = multiprocessing.get_context("spawn")
        self._enough = processes.Event()
        self._pool = ProcessPoolExecutor(1, processes, _share, (self._enough,))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def closed(self, callers: int, num: int) -> Answers:
        """`num` requests by `callers` who each wait for their answer."""
        return self._pool.submit(_run, *self._target, None, callers, num).result()

    def open(self, rate: float, seconds: float) -> "Future[Answers]":
        """Requests that arrive `rate` times a second, for so many seconds or until `end`."""
        self._enough.clear()
        return self._pool.submit(_run, *self._target, rate, 0, max(1, round(rate * seconds)))

    def end(self) -> None:
        """No more arrive of what `open` began; the answers that are under way are waited for."""
        self._enough.set()


def _share(enough: Event) -> None:
    _enough.append(enough)


def _run(url: str, bodies: list[bytes], rate: float | None, callers: int, num: int) -> Answers:
    return asyncio.run(_asked(url, bodies, rate, callers, num))


async def _asked(url: str, bodies: list[bytes], rate: float | None, callers: int, num: int) -> Answers:
    parts = urlsplit(url)
    requests = [
        b"POST /recommend HTTP/1.1\r\nhost: load\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
        for body in bodies
    ]
    client = _Client(str(parts.hostname), int(parts.port or 80))
    scheduled, latency = np.zeros(num), np.full(num, np.inf)
    status = np.full(num, _FAILED)
    began = time.perf_counter()

    async def ask(place: int) -> None:
        scheduled[place] = place / rate if rate else time.perf_counter() - began
        status[place] = await client.ask(requests[place % len(requests)])
        latency[place] = time.perf_counter() - began - scheduled[place]

    if rate is None:
        places = iter(range(num))

        async def caller() -> None:
            for place in places:
                await ask(place)

        await asyncio.gather(*(caller() for _ in range(callers)))
    else:
        waiting = set()
        for place in range(num):
            late = began + place / rate - time.perf_counter()
            if late > 0:
                await asyncio.sleep(late)
            if _enough[0].is_set():
                num = place
                break
            task = asyncio.create_task(ask(place))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)
    client.close()
    return Answers(scheduled[:num], latency[:num], status[:num], time.perf_counter() - began)


class _Client:
    """HTTP with as many kept connections as are in use at once; it spends little of the processor it shares."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> int:
        """The status of the answer, read to its end; 0 when there is none."""
        try:
            return await asyncio.wait_for(self._ask(request), TIMEOUT_S)
        except (OSError, EOFError, TimeoutError, ValueError):
            return _FAILED

    async def _ask(self, request: bytes) -> int:
        while self._free:
            try:
                return await self._exchange(*self._free.pop(), request)
            except (OSError, asyncio.IncompleteReadError) as error:
                # The service may close a connection that was idle while a request is on its way; as any client, ask
                # again on another unless an answer had begun.
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise
        return await self._exchange(*await asyncio.open_connection(*self._address), request)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._free.append((reader, writer))
        return int(head[9:12])

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()
