"""`homefeed bench serving-simulation`: what the simulation of `homefeed plan` predicts, and what a service then does.

The service is a small one over HTTP, in a process of its own, that makes one page at a time and takes a known time for
each, so that the queue is what is predicted and nothing else. Its times are first measured of one caller; from these
the simulation predicts what pages take that arrive as viewers do; then they arrive so.
"""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.cli.plan.tier import Tier, Times, drawn_times, poisson, simulate
from homefeed.settings import Settings

MEANING = {
    "pages": "Pages of the measured run.",
    "service_ms": "Mean time that the service was at work on a page of one caller.",
    "around_ms": "Median of what a page of one caller took beyond that: HTTP and the caller.",
    "load": "Share of its time that the service was meant to work.",
    "measured_p50_ms": "Median time of a page under that load, from its arrival.",
    "measured_p99_ms": "99th percentile of it.",
    "predicted_p50_ms": "The median by the simulation, from times drawn from those of one caller.",
    "predicted_p99_ms": "The 99th percentile by it, mean of 20 draws.",
    "p99_ratio": "The predicted over the measured 99th percentile.",
    "known_p99_ms": "The 99th percentile by the simulation, from the very times that the service took, in their order.",
    "known_p99_ratio": "That over the measured one: the error of the simulation without that of the draw.",
}
#: Service times are log-normal around this [s], large beside what HTTP takes.
_MEDIAN_S, _SIGMA = 0.01, 0.3
_LOAD, _ALONE, _PAGES, _DRAWS = 0.6, 2_000, 12_000, 20
Floats = NDArray[np.float64]


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Measure the service alone, predict, measure it under load."""
    task = progress.task_ids[0]
    random = np.random.default_rng(settings.seed)
    with _service(random.lognormal(np.log(_MEDIAN_S), _SIGMA, _ALONE + _PAGES)) as port:
        progress.update(task, description="one caller", total=None)
        latency, alone = asyncio.run(_asked(port, np.zeros(_ALONE), is_closed=True))
        around = float(np.median(latency - alone))
        progress.update(task, description="as viewers arrive")
        arrivals = poisson(_LOAD / float(alone.mean()), _PAGES, random)
        measured, taken = asyncio.run(_asked(port, arrivals, is_closed=False))

    def simulated(page: Times) -> Floats:
        return around + simulate(Tier(replicas=1, workers=1, page=page), arrivals, random)

    predicted = np.array([np.quantile(simulated(drawn_times(alone)), [0.5, 0.99]) for _ in range(_DRAWS)]).mean(axis=0)
    known = float(np.quantile(simulated(lambda _, num: taken), 0.99))
    p50, p99 = np.quantile(measured, [0.5, 0.99])
    return {
        "pages": float(_PAGES),
        "service_ms": float(1000 * alone.mean()),
        "around_ms": 1000 * around,
        "load": _LOAD,
        "measured_p50_ms": float(1000 * p50),
        "measured_p99_ms": float(1000 * p99),
        "predicted_p50_ms": float(1000 * predicted[0]),
        "predicted_p99_ms": float(1000 * predicted[1]),
        "p99_ratio": float(predicted[1] / p99),
        "known_p99_ms": 1000 * known,
        "known_p99_ratio": float(known / p99),
    }


@contextmanager
def _service(times_s: Floats) -> Iterator[int]:
    """The service on a port of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(4096)
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(listening, times_s), daemon=True)
        process.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            process.terminate()
            process.join()


def _serve(listening: socket.socket, times_s: Floats) -> None:
    """One connection after the other, each with one request: what waits, waits in the kernel's queue."""
    for seconds in times_s:
        connection, _ = listening.accept()
        began = time.perf_counter()
        with connection:
            connection.recv(65_536)
            # It holds its worker and leaves the core to whoever measures.
            time.sleep(seconds)
            body = b"%.9f" % (time.perf_counter() - began)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
            )


async def _asked(port: int, arrivals: Floats, is_closed: bool) -> tuple[Floats, Floats]:
    """Latency of each page from the time it was due, and how long the service was at work on it [s]."""
    latency, taken = np.zeros(len(arrivals)), np.zeros(len(arrivals))
    began = time.perf_counter()

    async def ask(place: int, due: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /recommend HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\n\r\n")
        answer = await reader.read()
        latency[place] = time.perf_counter() - due
        taken[place] = float(answer.rsplit(b"\r\n", 1)[1])
        writer.close()

    if is_closed:
        for place in range(len(arrivals)):
            await ask(place, time.perf_counter())
        return latency, taken
    waiting = []
    for place, arrival in enumerate(arrivals):
        late = began + arrival - time.perf_counter()
        if late > 0:
            await asyncio.sleep(late)
        waiting.append(asyncio.create_task(ask(place, began + arrival)))
    await asyncio.gather(*waiting)
    return latency, taken
