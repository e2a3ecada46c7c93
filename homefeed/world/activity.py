"""Who opens the home page when, on what, and how far they scroll."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from homefeed.world.catalogue import Floats, Ints, Small
from homefeed.world.site import DAY_US, HOUR_US, Site
from homefeed.world.vocabulary import ACTIVITY_BY_HOUR, COUNTRIES, DEVICES

MAX_SLOTS = 100
_TV, _PHONE = DEVICES.index("tv"), DEVICES.index("phone")


@dataclass(frozen=True)
class Visits:
    """Columns of shape [visits].

    Attributes:
      viewer: index.
      time_us: when the page is opened [µs since 1970].
      device: index into DEVICES.
      depth: slots scrolled to, 1 to 100.
      pace_us: time between two slots [µs].
    """

    viewer: Ints
    time_us: Ints
    device: Small
    depth: Ints
    pace_us: Ints

    def __len__(self) -> int:
        return len(self.viewer)


@dataclass(frozen=True)
class Impressions:
    """Columns of shape [n]; `visit` is the row of the visit that they belong to."""

    visit: Ints
    viewer: Ints
    video: Ints
    slot: Ints
    time_us: Ints
    device: Small

    def __len__(self) -> int:
        return len(self.visit)

    def take(self, rows: Ints) -> "Impressions":
        """Some of them, in the order of `rows`."""
        return Impressions(
            self.visit[rows],
            self.viewer[rows],
            self.video[rows],
            self.slot[rows],
            self.time_us[rows],
            self.device[rows],
        )


def rate_by_country(site: Site, time_us: int) -> npt.NDArray[np.float64]:
    """Visits per day that each country makes at a time; shape [countries]."""
    hours = (time_us % DAY_US) / HOUR_US + np.array([c.offset_h for c in COUNTRIES])
    curve = np.array(ACTIVITY_BY_HOUR) / np.mean(ACTIVITY_BY_HOUR)
    factor = np.interp(hours % 24, np.arange(25), np.append(curve, curve[0]))
    weight, start = _weights(site)
    rate: npt.NDArray[np.float64] = (weight[start[1:]] - weight[start[:-1]]) * factor
    return rate


def visits(site: Site, start_us: int, length_us: int, rng: np.random.Generator, num: int | None = None) -> Visits:
    """The visits that begin in a span of time, or `num` of them, in order of time."""
    rate = rate_by_country(site, start_us + length_us // 2)
    counts = rng.poisson(rate * length_us / DAY_US) if num is None else rng.multinomial(num, rate / rate.sum())
    weight, start = _weights(site)
    country = np.repeat(np.arange(len(COUNTRIES)), counts)
    n = len(country)
    low, high = weight[start[country]], weight[start[country + 1]]
    viewer = np.searchsorted(weight, low + rng.random(n) * (high - low), side="right") - 1
    time_us = np.sort(start_us + (rng.random(n) * length_us).astype(np.int64))
    viewer = np.minimum(viewer, len(site.audience) - 1)[rng.permutation(n)]
    return scrolled(site.world.slots_seen, viewer, time_us, _devices(site, viewer, time_us, rng), rng)


def scrolled(slots_seen: float, viewer: Ints, time_us: Ints, device: Small, rng: np.random.Generator) -> Visits:
    """Visits with a depth and a pace drawn for each; shapes [n]."""
    n = len(viewer)
    depth = np.clip(np.ceil(rng.exponential(_mean_before_cut(slots_seen), n)), 1, MAX_SLOTS).astype(np.int64)
    return Visits(viewer, time_us, device, depth, (rng.uniform(0.4, 1.8, n) * 1e6).astype(np.int64))


def seen_share(slots_seen: float) -> npt.NDArray[np.float64]:
    """Share of the visits that scroll to each slot, [MAX_SLOTS], when the mean is `slots_seen`; as `scrolled` draws."""
    return np.exp(-np.arange(MAX_SLOTS) / _mean_before_cut(slots_seen))


def shown(visits: Visits, video: Ints) -> Impressions:
    """The impressions of visits whose pages are `video`, shape [sum of depths]; a repeated video is shown once."""
    visit, slot = slots_of(visits.depth)
    everything = visit * (int(video.max(initial=0)) + 1) + video
    first = np.sort(np.unique(everything, return_index=True)[1])
    visit, slot, video = visit[first], slot[first], video[first]
    time_us = visits.time_us[visit] + slot * visits.pace_us[visit] + 400_000
    return Impressions(visit, visits.viewer[visit], video, slot, time_us, visits.device[visit])


def slots_of(depth: Ints) -> tuple[Ints, Ints]:
    """Row of the visit and slot of every place scrolled to; shape [visits] -> two of [sum of depths]."""
    visit = np.repeat(np.arange(len(depth)), depth)
    slot = np.arange(len(visit)) - np.repeat(np.cumsum(depth) - depth, depth)
    return visit, slot


def _devices(site: Site, viewer: Ints, time_us: Ints, rng: np.random.Generator) -> Small:
    """The viewer's own device mostly; a television in some evenings, else a phone; shape [n]."""
    hour: Floats = site.local_hour(viewer, time_us)
    other = np.where((hour >= 19) & (rng.random(len(viewer)) < 0.4), _TV, _PHONE)
    return np.where(rng.random(len(viewer)) < 0.8, site.audience.device[viewer], other).astype(np.int8)


@lru_cache(maxsize=8)
def _mean_before_cut(mean: float) -> float:
    """Mean of an exponential that, cut at 100 slots, has this mean."""
    low, high = mean, 10_000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * (1 - np.exp(-MAX_SLOTS / middle)) < mean - 0.5 else (low, middle)
    return middle


def _weights(site: Site) -> tuple[npt.NDArray[np.float64], Ints]:
    """Running sum of visit rates, shape [viewers + 1], and where each country begins, shape [countries + 1]."""
    return site.visit_weight, site.country_start
