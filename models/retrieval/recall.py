"""Recall of a ranking of the whole catalogue: each watch is looked for in the list made for its viewer just before
it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.interval import viewer_bootstrap
from models.evaluation.metrics import recall_at
from models.retrieval.batches import Log
from models.retrieval.watches import COUNT_SPANS, Watches, histories, spans, window_number

_WINDOW_US = 600_000_000
_BLOCK = 512
#: Lengths of a list that recall is reported for.
LENGTHS = (1, 5, 10, 20, 50, 100, 200, 500, 1000)
#: Scores of the whole catalogue for queries of one window: (positions of the queries [q], number of the window) ->
#: [q, v].
Scores = Callable[[NDArray[np.int64], int], NDArray[np.float32]]


def ranks(log: Log, wanted: Watches, scores: Scores) -> NDArray[np.float64]:
    """Rank of each wanted video among the videos that were uploaded and that its viewer had not watched.

    Args:
      log: catalogue and every watch; only watches before a query are used for it.
      wanted: the watches to be found.
      scores: positions in `wanted` [q] of one window, and that window's number -> [q, v] scores, larger is better.

    Returns:
      [n] mean rank among equal scores, 0 first; NaN for a video that its viewer had watched before or that was not
      uploaded.
    """
    window = window_number(wanted.times)
    found = np.full(len(wanted), np.nan)
    for number in np.unique(window):
        here = np.flatnonzero(window == number)
        exists = log.table.uploaded < (number + 1) * _WINDOW_US
        for first in range(0, len(here), _BLOCK):
            block = here[first : first + _BLOCK]
            table = scores(block, int(number)).astype(np.float32)
            table[:, ~exists] = -np.inf
            begin, end = spans(log.watches, wanted.users[block], wanted.times[block])
            row = np.repeat(np.arange(len(block)), end - begin)
            index = np.arange(len(row)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin) + begin[row]
            table[row, log.watches.videos[index]] = -np.inf
            target = table[np.arange(len(block)), wanted.videos[block]][:, None]
            above = (table > target).sum(axis=1)
            equal = (table == target).sum(axis=1) - 1
            found[block] = np.where(np.isfinite(target[:, 0]), above + equal / 2, np.nan)
    return found


def recall_by_k(ranks: NDArray[np.float64]) -> dict[str, float]:
    """Recall at each length of `LENGTHS`, keyed as JSON keeps it; ranks [n], NaN where left out."""
    return {str(k): recall_at(ranks, k) for k in LENGTHS}


def intervals_by_k(ranks: NDArray[np.float64], users: NDArray[np.int64], seed: int) -> dict[str, list[float] | None]:
    """Low and high end of the 95 % interval over viewers of `recall_by_k`; None with fewer than two viewers."""
    kept = ~np.isnan(ranks)
    found: dict[str, list[float] | None] = {}
    for k in LENGTHS:
        interval = viewer_bootstrap(users[kept], ranks[kept] < k, np.ones(kept.sum()), seed=seed)
        found[str(k)] = [interval.low, interval.high] if np.isfinite(interval.low) else None
    return found


def popularity(log: Log, span: int) -> Scores:
    """The same list for everyone: counts of watches in the `span` windows before the query's window."""
    every = np.arange(len(log.table))

    def score(queries: NDArray[np.int64], window: int) -> NDArray[np.float32]:
        counts = log.counts.before(every, np.full(len(every), window), (span,))[:, 0]
        return np.repeat(counts[None, :], len(queries), axis=0)

    return score


def popular_ranks(log: Log, wanted: Watches) -> NDArray[np.float64]:
    """`ranks` in the list of popular videos, of the last hour, day or seven days, that has the best recall@100."""
    lists = [ranks(log, wanted, popularity(log, span)) for span in COUNT_SPANS]
    return max(lists, key=lambda found: recall_at(found, 100))


def two_tower(queries: NDArray[np.float32], vectors_at: Callable[[int], NDArray[np.float32]]) -> Scores:
    """Dot products of query vectors, one per wanted watch [n, d], with the catalogue's vectors of the query's
    window."""
    cache: dict[int, NDArray[np.float32]] = {}

    def score(block: NDArray[np.int64], window: int) -> NDArray[np.float32]:
        if window not in cache:
            cache.clear()
            cache[window] = vectors_at(window)
        return np.asarray(queries[block] @ cache[window].T)

    return score


def viewers_at(log: Log, users: NDArray[np.int64], times: NDArray[np.int64], length: int) -> dict[str, NDArray[Any]]:
    """What the query tower reads of each viewer at a time: users [q], times [q] -> columns of `SavedTowers.query`."""
    index = histories(log.watches, users, times, length)
    present = index >= 0
    # One row more, which the absent places point at, so that an empty log needs no case of its own.
    keys = np.append(log.table.keys[log.watches.videos], 0)
    fractions = np.append(log.watches.fractions, np.float32(0))
    watched = np.append(log.watches.times, 0)
    country, language, age = log.profiles.of(users)
    return {
        "history_videos": np.where(present, keys[index], 0),
        "history_times": np.where(present, watched[index], 0),
        "history_fractions": np.where(present, fractions[index], 0).astype(np.float32),
        "time": times,
        "country": country,
        "language": language,
        "age": age,
    }
