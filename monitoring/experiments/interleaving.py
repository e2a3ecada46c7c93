"""Interleaving: one page of two rankers, drafted in turns, on which each viewer compares them directly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from monitoring.sequential import Floats, always_valid

Ints = NDArray[np.int64]


class InterleavingError(HomefeedError):
    """Two rankings cannot be interleaved as asked; the message says why."""


@dataclass(frozen=True)
class Drafted:
    """Interleaved pages.

    Attributes:
      videos: [p, num] best first.
      team: [p, num] 0 where the first ranker picked, 1 where the second did.
    """

    videos: Ints
    team: Ints


@dataclass(frozen=True)
class Preference:
    """How much more viewers watched of the first ranker's picks than of the second's.

    Attributes:
      estimate, low, high: watches of the first's picks minus those of the second's, over all of them, in [-1, 1]; low
        and high are infinite without two viewers or a watch.
      num_viewers: viewers it rests on.
    """

    estimate: float
    low: float
    high: float
    num_viewers: int


def team_draft(first: Ints, second: Ints, num: int, random: np.random.Generator) -> Drafted:
    """Pages on which two rankers pick in turns, each its best video that is not there yet; a coin decides who begins
    every round of two.

    Args:
      first, second: [n] rankings of one page, or [p, n] of p pages, best first; no video twice in one.
      num: slots of a page.
      random: the coins.

    Raises:
      InterleavingError: the rankings have other shapes, or hold fewer than `num` videos.

    Source: Radlinski, Kurup and Joachims 2008, "How does clickthrough data reflect retrieval quality?", section 3.2.
    """
    rankings = [np.atleast_2d(np.asarray(ranking, np.int64)) for ranking in (first, second)]
    pages, length = rankings[0].shape
    if rankings[0].shape != rankings[1].shape:
        raise InterleavingError(
            f"rankings of one page are equally long, not {rankings[0].shape} and {rankings[1].shape}"
        )
    if length < num:
        raise InterleavingError(f"rankings of {length} videos cannot fill {num} slots")
    begins = random.integers(2, size=(pages, (num + 1) // 2))
    team = np.stack([begins, 1 - begins], 2).reshape(pages, -1)[:, :num]
    rows, videos = np.arange(pages), np.empty((pages, num), np.int64)
    is_taken = [np.zeros((pages, length), bool) for _ in rankings]
    # One step fills one slot of every page.
    for slot in range(num):
        best = np.stack([taken.argmin(1) for taken in is_taken], 1)
        offered = np.stack([ranking[rows, best[:, side]] for side, ranking in enumerate(rankings)], 1)
        videos[:, slot] = offered[rows, team[:, slot]]
        for side, ranking in enumerate(rankings):
            is_taken[side] |= ranking == videos[:, slot, None]
    return Drafted(videos, team)


def preference(users: Ints, team: Ints, watched: NDArray[np.bool_], alpha: float = 0.05) -> Preference:
    """Which ranker's picks viewers watched, with an interval that may be read at any time.

    Args:
      users: [n] viewer of each slot that was on screen.
      team: [n] who picked it, 0 or 1.
      watched: [n] whether it was watched.
      alpha: chance that the interval misses the truth at any look, ever.

    A viewer is one observation, however many pages it saw (delta method of the ratio).
    """
    distinct, viewer = np.unique(users, return_inverse=True)
    credit = np.where(np.asarray(team) == 0, 1.0, -1.0) * watched
    balance, total = (
        np.bincount(viewer, column, len(distinct)).astype(np.float64)
        for column in (credit, np.asarray(watched, np.float64))
    )
    return _preference(balance, total, alpha)


def _preference(balance: Floats, total: Floats, alpha: float) -> Preference:
    num, watches = len(balance), float(total.sum())
    if num < 2 or watches == 0:
        return Preference(np.nan, -np.inf, np.inf, num)
    estimate = float(balance.sum()) / watches
    # Around no preference, so that few watches that all agree are not taken to be certain.
    variance = float((balance**2).sum()) / watches**2
    half = float(always_valid(variance, alpha, 0.1))
    return Preference(estimate, estimate - half, estimate + half, num)
