"""How busy replicas may be: the largest load at which the simulated tier keeps a page within its goal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from homefeed.cli.plan.site import Site
from homefeed.cli.plan.sizing import page_cpu_s, search_s, shards_of
from homefeed.cli.plan.tier import Tier, Times, p99_ms, quantile_times, simulate

#: Shares of their time that the replicas of a cell work; a cell is what one balancer sends pages to: a machine of 64.
LOADS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_REPLICAS, _PAGES, _MOST_SHARDS = 64, 8000, 20


@dataclass(frozen=True)
class Headroom:
    """What the simulation found.

    Attributes:
      busy: the largest share within the goal, straight between the two loads around it; 0 when there is none.
      curve: share -> 99th percentile of a page, corrected [ms].
      pages: simulated at each load.
      shards: that each page asked, at most so many are simulated.
      checked_ms, measured_ms: 99th percentile by the simulation at half of what `homefeed bench serve` sustained, and
        what was measured there.
    """

    busy: float
    curve: dict[float, float]
    pages: int
    shards: int
    checked_ms: float
    measured_ms: float

    @property
    def correction(self) -> float:
        """What every simulated percentile is multiplied by: a service pauses under load as one caller does not see."""
        return max(1.0, self.measured_ms / self.checked_ms)


def headroom(site: Site, measured: Mapping[str, float], assumed: Mapping[str, float], seed: int) -> Headroom:
    """Simulate a cell of replicas over its shards at each load, and read off the largest that keeps to the goal."""
    checked, found = half_load_ms(measured, seed), measured["half_load_p99_ms"]
    seconds = page_cpu_s(site, measured, assumed)
    num = shards_of(site, assumed)
    simulated = 0 if num == 1 else min(num, _MOST_SHARDS)
    curve = {}
    for load in LOADS:
        rate = load * _REPLICAS / seconds
        tier = Tier(
            replicas=_REPLICAS,
            workers=1,
            page=page_times(measured, seconds),
            before_share=assumed["before_share"],
            shards=simulated,
            shard_workers=math.ceil(rate * search_s(site, measured, assumed) / assumed["batch_busy"]),
            search=search_times(site, measured, assumed) if simulated else None,
            hop_s=assumed["hop_ms"] / 1000,
        )
        curve[load] = max(1.0, found / checked) * p99_ms(tier, rate, _PAGES, seed)
    return Headroom(_largest(curve, site.goal_ms), curve, _PAGES, simulated, checked, found)


def half_load_ms(measured: Mapping[str, float], seed: int) -> float:
    """What the simulation says of the run that was measured: one service at half of what it sustains, evenly spaced
    arrivals, times of one caller. At what it sustains a percentile says how near to overload the search for it ended.

    Returns:
      The 99th percentile of a page [ms].
    """
    rate, random = measured["sustained_pages_per_s"] / 2, np.random.default_rng(seed)
    page = quantile_times(_shape(measured), 0.001)
    # A service that keeps up with more than one page at a time can make has more than one in the making.
    workers = math.ceil(rate * float(page(np.random.default_rng(0), 100_000).mean()) / 0.95)
    latency = simulate(Tier(1, workers, page), np.arange(_PAGES) / rate, random)
    return float(1000 * np.quantile(latency[_PAGES // 10 :], 0.99))


def page_times(measured: Mapping[str, float], mean_s: float) -> Times:
    """Times of a page that keeps one core: their spread as measured of one caller, their mean as given."""
    return _with_mean(_shape(measured), mean_s)


def search_times(site: Site, measured: Mapping[str, float], assumed: Mapping[str, float]) -> Times:
    """Times of a search in one shard, with the spread that was measured while uploads were inserted, and the call."""
    shape = [(0.5, measured["large_search_ms"]), (0.99, measured["large_search_p99_ms"])]
    call_s = measured["shard_call_ms"] / 1000
    searched = _with_mean(shape, search_s(site, measured, assumed) - call_s)
    return lambda random, num: call_s + searched(random, num)


def _shape(measured: Mapping[str, float]) -> list[tuple[float, float]]:
    return [(0.5, measured["page_p50_ms"]), (0.95, measured["page_p95_ms"]), (0.99, measured["page_p99_ms"])]


def _with_mean(shape: list[tuple[float, float]], mean_s: float) -> Times:
    drawn = quantile_times(shape)(np.random.default_rng(0), 100_000)
    return quantile_times(shape, mean_s / float(drawn.mean()))


def _largest(curve: Mapping[float, float], goal_ms: float) -> float:
    """Where the curve first crosses the goal."""
    best, before = 0.0, None
    for load, ms in sorted(curve.items()):
        if ms > goal_ms:
            if before is None:
                return 0.0
            return best + (load - best) * (goal_ms - before) / (ms - before)
        best, before = load, ms
    return best
