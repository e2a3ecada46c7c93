"""Slices of the watches that recall is measured on: cold starts, viewers, videos and countries of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.evaluation.interval import viewer_bootstrap
from models.evaluation.metrics import recall_at
from models.names import Names
from models.retrieval.batches import Log
from models.retrieval.watches import COUNT_SPANS, Watches, spans, window_number

_HOUR_US = 3_600_000_000
#: Watches before this one from which a viewer belongs to the next slice.
_ACTIVITY = (0, 1, 6, 21, 51)
#: Hours since the upload from which a video belongs to the next slice, and what the slices are called.
_AGES_H = (0, 1, 24, 168)
_AGES = ("uploaded within the last hour", "1 to 24 hours old", "1 to 7 days old", "older than 7 days")
#: Countries that are slices of their own; those with fewer watches are one slice together.
_MAX_COUNTRIES = 12
#: The list that a slice's recall is of.
K = 100

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Slice:
    """Recall@100 of some of the wanted watches.

    Attributes:
      group: what the slices of a group differ by.
      name: of the slice.
      num_watches, num_viewers: that the numbers rest on.
      recall: share of them that the towers' list holds, with `low` and `high` of its 95 % interval over viewers.
      popularity: share that the list of popular videos holds.

    Numbers that these watches do not give are NaN: all of them without a watch, the interval with one viewer.
    """

    group: str
    name: str
    num_watches: int
    num_viewers: int
    recall: float
    low: float
    high: float
    popularity: float


def slices(
    log: Log,
    wanted: Watches,
    ranks: NDArray[np.float64],
    popular: NDArray[np.float64],
    *,
    names: Names,
    seed: int,
) -> list[Slice]:
    """Every watch first, then each slice, also one without a watch.

    Args:
      log: catalogue and every watch.
      wanted: the n watches that were looked for.
      ranks, popular: [n] by the towers and by popularity, NaN where left out.
      names: of the countries.
      seed: of the intervals.
    """
    found = []
    for group, name, mask in masks(log, wanted, names):
        kept = mask & ~np.isnan(ranks)
        users, hits = wanted.users[kept], ranks[kept] < K
        interval = viewer_bootstrap(users, hits, np.ones(len(hits)), seed=seed)
        found.append(
            Slice(
                group=group,
                name=name,
                num_watches=len(hits),
                num_viewers=interval.num_viewers,
                recall=interval.estimate,
                low=interval.low,
                high=interval.high,
                popularity=recall_at(popular[kept], K),
            )
        )
    return found


def masks(log: Log, wanted: Watches, names: Names) -> Iterator[tuple[str, str, Mask]]:
    """Group, name and mask [n] of every slice; those of a group other than the cold starts share out the watches."""
    yield "all", "all watches", np.ones(len(wanted), bool)
    starts, ends = spans(log.watches, wanted.users, wanted.times)
    yield from _cold_starts(log, wanted, ends - starts)
    for name, mask in _steps(ends - starts, _ACTIVITY, _activity_names()):
        yield "watches of the viewer before", name, mask
    age_h = (wanted.times - log.table.uploaded[wanted.videos]) / _HOUR_US
    for name, mask in _steps(age_h, _AGES_H, _AGES):
        yield "age of the video", name, mask
    decile = deciles(log, wanted)
    yield "popularity of the video", "not watched in the seven days before", decile < 0
    for number in range(10):
        name = f"decile {number + 1}" + {0: ", least watched", 9: ", most watched"}.get(number, "")
        yield "popularity of the video", name, decile == number
    yield from _countries(log, wanted, names)


def _cold_starts(log: Log, wanted: Watches, num_before: NDArray[np.int64]) -> Iterator[tuple[str, str, Mask]]:
    window, age_us = window_number(wanted.times), wanted.times - log.table.uploaded[wanted.videos]
    is_new = _first_windows(log.watches.videos, len(log.table), log.watches.times)[wanted.videos] >= window
    distinct, channel = np.unique(log.table.channels, return_inverse=True)
    first = _first_windows(channel[log.watches.videos], len(distinct), log.watches.times)
    # A video without a channel does not make a channel new.
    is_new_channel = (first[channel[wanted.videos]] >= window) & (log.table.channels[wanted.videos] != 0)
    yield "cold start", "new viewer: has watched nothing before", num_before == 0
    yield "cold start", "new video: never watched before", is_new
    yield "cold start", "cold video: new, and uploaded within the last hour", is_new & (age_us < _HOUR_US)
    yield "cold start", "new channel: none of its videos watched before", is_new_channel


def _first_windows(codes: NDArray[np.int64], num: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Window in which each of `num` codes was first watched; the greatest integer for one that never was."""
    first = np.full(num, np.iinfo(np.int64).max)
    np.minimum.at(first, codes, window_number(times))
    return first


def _activity_names() -> list[str]:
    closed = [f"{low} to {high - 1}" for low, high in pairwise(_ACTIVITY[1:])]
    return ["none", *closed, f"{_ACTIVITY[-1]} or more"]


def _steps(
    values: NDArray[np.float64] | NDArray[np.int64], edges: tuple[int, ...], names: list[str] | tuple[str, ...]
) -> Iterator[tuple[str, Mask]]:
    """Name and mask of the values from each edge up to the next one; the first takes smaller ones too."""
    step = np.maximum(np.searchsorted(np.asarray(edges), values, side="right") - 1, 0)
    for number, name in enumerate(names):
        yield name, step == number


def deciles(log: Log, wanted: Watches) -> NDArray[np.int64]:
    """Popularity of each wanted video among those watched in the seven days before the window: [n] from 0, the least
    watched tenth of them, to 9; -1 for a video that was not watched then. Equal counts share their middle place."""
    window, every = window_number(wanted.times), np.arange(len(log.table))
    found = np.zeros(len(wanted), np.int64)
    for number in np.unique(window):
        here = window == number
        counts = log.counts.before(every, np.full(len(every), number), COUNT_SPANS[-1:])[:, 0]
        mine = counts[wanted.videos[here]]
        there = np.sort(counts[counts > 0])
        below, until = np.searchsorted(there, mine, side="left"), np.searchsorted(there, mine, side="right")
        # The middle of the places below..until - 1, in tenths of all places; whole numbers keep the edges exact.
        tenth = 5 * (below + until) // max(len(there), 1)
        found[here] = np.where(mine > 0, np.minimum(tenth, 9), -1)
    return found


def _countries(log: Log, wanted: Watches, names: Names) -> Iterator[tuple[str, str, Mask]]:
    country, _, _ = log.profiles.of(wanted.users)
    distinct, counts = np.unique(country, return_counts=True)
    largest = distinct[np.lexsort((distinct, -counts))][:_MAX_COUNTRIES]
    for key in largest.tolist():
        yield "country of the viewer", names.country(key), country == key
    if len(distinct) > _MAX_COUNTRIES:
        yield "country of the viewer", "all other countries", ~np.isin(country, largest)
