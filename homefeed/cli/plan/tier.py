"""A discrete-event simulation of the serving tier: arrivals, queues at replicas, fan-out over shards.

A page is work at one replica, then a search at every shard at once, and once the slowest has answered work
at the same replica again. Each worker
does one thing at a time, in order of arrival. The balancer chooses the replica with the fewest pages in the making.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Draws so many service times [s].
Times = Callable[[np.random.Generator, int], Floats]


@dataclass(frozen=True)
class Tier:
    """What is simulated.

    Attributes:
      replicas, workers: processes that make pages, and how many each makes at once.
      page: time of a page at its replica, both halves together [s].
      before_share: part of it before the index is asked.
      shards, shard_workers: shards of the index, and searches that each can do at once (all copies together).
      search: time of a search in one shard [s].
      hop_s: one way between replica and shard [s].
    """

    replicas: int
    workers: int
    page: Times
    before_share: float = 1.0
    shards: int = 0
    shard_workers: int = 1
    search: Times | None = None
    hop_s: float = 0.0


def quantile_times(quantiles: Sequence[tuple[float, float]], scale: float = 1.0) -> Times:
    """Service times that have these quantiles: (share, seconds), ascending; straight on the log scale between them.

    Below the first and above the last the line goes on, to 0.001 and 0.999: what a percentile does not tell is guessed
    no further.
    """
    shares = np.array([share for share, _ in quantiles])
    logs = np.log([scale * seconds for _, seconds in quantiles])
    slopes = np.diff(logs) / np.diff(shares)
    ends = np.array([0.001, *shares, 0.999])
    values = np.array([logs[0] - slopes[0] * (shares[0] - 0.001), *logs, logs[-1] + slopes[-1] * (0.999 - shares[-1])])
    # A median says little of what lies below it: no page is faster than the line to the next quantile says.
    return lambda random, num: np.exp(np.interp(random.random(num), ends, values))


def fixed_times(seconds: float) -> Times:
    """Every service takes the same."""
    return lambda random, num: np.full(num, seconds)


def drawn_times(samples: Floats) -> Times:
    """Service times drawn from measured ones."""
    return lambda random, num: random.choice(samples, num)


def poisson(rate: float, num: int, random: np.random.Generator) -> Floats:
    """Arrival times [num] of viewers who know nothing of each other, `rate` a second on average."""
    return np.cumsum(random.exponential(1 / rate, num))


class _Queues:
    """Stations, each with free workers and a queue of (page, service time), and what happens next."""

    def __init__(self, workers: Sequence[int]) -> None:
        self._free = list(workers)
        self._waiting: list[deque[tuple[int, float]]] = [deque() for _ in workers]
        self._heap: list[tuple[float, int, bool, int, int]] = []  # time, order, whether it comes or leaves, where, page
        self._order = 0

    def next_s(self) -> float:
        """When something happens next; infinity when nothing does."""
        return self._heap[0][0] if self._heap else np.inf

    def pop(self) -> tuple[float, bool, int, int]:
        """Time, whether a page comes or leaves, the station, the page. The worker that it leaves goes on."""
        time, _, is_coming, station, page = heapq.heappop(self._heap)
        if not is_coming:
            if self._waiting[station]:
                waiting, service = self._waiting[station].popleft()
                self._push(time + service, False, station, waiting)
            else:
                self._free[station] += 1
        return time, is_coming, station, page

    def send(self, time: float, station: int, page: int) -> None:
        """A page comes to a station at `time`."""
        self._push(time, True, station, page)

    def join(self, time: float, station: int, page: int, service: float) -> None:
        """A page is at a station, and is served once a worker is free."""
        if self._free[station]:
            self._free[station] -= 1
            self._push(time + service, False, station, page)
        else:
            self._waiting[station].append((page, service))

    def _push(self, time: float, is_coming: bool, station: int, page: int) -> None:
        heapq.heappush(self._heap, (time, self._order, is_coming, station, page))
        self._order += 1


def simulate(tier: Tier, arrivals: Floats, random: np.random.Generator) -> Floats:
    """Latency of each page [s], from its arrival to its answer.

    Args:
      tier: what answers.
      arrivals: [n] ascending times [s].
      random: source of the service times.
    """
    num, shards = len(arrivals), tier.shards if tier.search else 0
    times = tier.page(random, num)
    first = (times * tier.before_share if shards else times).tolist()
    second = (times - times * tier.before_share).tolist()
    searches = tier.search(random, num * shards).reshape(num, shards).tolist() if tier.search and shards else []
    queues = _Queues([tier.workers] * tier.replicas + [tier.shard_workers] * shards)
    making, at, missing, done = [0] * tier.replicas, [0] * num, [shards] * num, [0.0] * num
    is_asked = [not shards] * num
    upcoming, begins = 0, arrivals.tolist()
    while upcoming < num or queues.next_s() < np.inf:
        if upcoming < num and begins[upcoming] <= queues.next_s():
            replica = min(range(tier.replicas), key=making.__getitem__)
            at[upcoming] = replica
            making[replica] += 1
            queues.join(begins[upcoming], replica, upcoming, first[upcoming])
            upcoming += 1
            continue
        time, is_coming, station, page = queues.pop()
        if is_coming:
            queues.join(time, station, page, searches[page][station - tier.replicas])
        elif station >= tier.replicas:
            missing[page] -= 1
            if missing[page] == 0:
                queues.join(time + tier.hop_s, at[page], page, second[page])
        elif not is_asked[page]:
            is_asked[page] = True
            for shard in range(tier.replicas, tier.replicas + shards):
                queues.send(time + tier.hop_s, shard, page)
        else:
            done[page] = time
            making[station] -= 1
    return np.array(done) - arrivals


def p99_ms(tier: Tier, rate: float, num: int, seed: int) -> float:
    """99th percentile of `num` pages that arrive `rate` times a second [ms], after a tenth that fills the queues."""
    random = np.random.default_rng(seed)
    latency = simulate(tier, poisson(rate, num, random), random)
    return float(1000 * np.quantile(latency[num // 10 :], 0.99))
