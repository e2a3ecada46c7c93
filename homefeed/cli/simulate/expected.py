"""What the site itself expects of the pages that were shown, in place of what chance made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.world.behaviour import chance_of_share, completion_odds, expected_s
from homefeed.world.site import Site
from homefeed.world.vocabulary import TOPICS

Columns = Mapping[str, Any]
Floats = NDArray[np.float64]
#: A watch of this share of the video is to its end.
TO_THE_END = 0.9


@dataclass(frozen=True)
class Expected:
    """The mean over what viewers could have made of the pages that they were shown.

    Attributes:
      watch_s: [viewers] seconds watched.
      discovered: [viewers] topics discovered (`outcome.Measures`).
    """

    watch_s: Floats
    discovered: Floats


def expected(site: Site, seen: Columns, watches: Columns, before: NDArray[np.bool_]) -> Expected:
    """Sums of what each impression promised when it was seen, given all that had happened before it.

    The difference to what happened has mean zero (the compensator of Doob's decomposition), so both measure the same,
    and this one without the luck of who watched what: of 100 impressions 2 are watched.

    Args:
      site: with the true probabilities.
      seen: columns of n impressions: `viewer`, `video`, `device` (indexes), `slot`, `time_us`, `request` (a code).
      watches: columns of the m counted watches: `viewer`, `video`, `seconds`, `request`. One of a page
        that is not among the impressions counts for nothing.
      before: [viewers, topics] what was watched before all of them.
    """
    viewer, video, time_us = seen["viewer"], seen["video"], seen["time_us"]
    duration_s = site.videos.duration_s[video]
    interest = site.interest(viewer, video, seen["slot"], time_us, seen["device"]).astype(np.float64)
    odds = completion_odds(site.liking(viewer, video, time_us), duration_s)
    cell = viewer * len(TOPICS) + site.videos.topic[video]
    row, of_watch = _impressions_of(seen, watches)
    to_the_end = watches["seconds"][of_watch] >= TO_THE_END * duration_s[row]
    order = np.lexsort((seen["slot"], time_us, cell))
    num, num_ended = (
        _before_each(cell, order, np.bincount(row, weight, len(cell))) for weight in (np.ones(len(row)), to_the_end)
    )
    # A second watch discovers the topic, and so does a first one to the end.
    discovers = np.where(num == 1, 1.0, chance_of_share(odds, duration_s, TO_THE_END))
    is_open = (num < 2) & (num_ended == 0) & ~before.reshape(-1)[cell]
    promised_s, promised_topics = interest * expected_s(odds, duration_s), interest * discovers * is_open
    sums = (np.bincount(viewer, amount, len(before)) for amount in (promised_s, promised_topics))
    return Expected(*(np.asarray(one, np.float64) for one in sums))


def _impressions_of(seen: Columns, watches: Columns) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The impressions that were watched and the watches of them, [k], [k]: a watch is of the same page and video."""
    num = 1 + max(int(columns["video"].max(initial=0)) for columns in (seen, watches))
    shown, watched = (columns["request"] * num + columns["video"] for columns in (seen, watches))
    order = np.argsort(shown, kind="stable")
    place = np.minimum(np.searchsorted(shown, watched, sorter=order), len(order) - 1)
    of_watch = np.flatnonzero(shown[order[place]] == watched)
    return order[place[of_watch]], of_watch


def _before_each(cell: NDArray[np.int64], order: NDArray[np.int64], amount: NDArray[Any]) -> Floats:
    """[n] sum of the amounts of the same cell that come before in `order`, which has cells together."""
    sums = np.cumsum(amount[order]) - amount[order]
    _, first, size = np.unique(cell[order], return_index=True, return_counts=True)
    before = np.empty(len(cell))
    before[order] = sums - np.repeat(sums[first], size)
    return before
