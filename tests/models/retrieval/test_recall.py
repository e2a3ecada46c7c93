"""Ranks of six watches in lists that are written down."""

import math

import numpy as np
from six_watches import START, six_watches

from models.retrieval.recall import intervals_by_k, popular_ranks, popularity, ranks, recall_by_k
from models.retrieval.watches import Watches


def test_each_watch_has_its_rank_and_one_that_was_watched_before_has_none() -> None:
    """The list is 3, 2, 1, 0 for everyone. A repeat of a comes a window later; out of order, as users come first."""
    log, wanted = six_watches()
    again = Watches(
        np.append(wanted.users, 1), np.append(wanted.videos, 1), np.append(wanted.times, START), wanted.fractions
    )
    again.times[-1] += 900_000_000
    found = ranks(log, again, lambda queries, _: np.tile(np.arange(4, dtype=np.float32), (len(queries), 1)))
    # c: viewer 2 has watched 2, so 3 and 1 stand above 0. d: nothing above 3. f: 3 above 2.
    np.testing.assert_array_equal(found, [2, 1, 2, 0, 3, 1, math.nan])


def test_a_video_that_is_not_uploaded_is_not_in_the_list() -> None:
    log, wanted = six_watches()
    log.table.uploaded[2] = START + 600_000_000
    found = ranks(log, wanted, lambda queries, _: np.zeros((len(queries), 4), np.float32))
    # b is before its upload. Equal scores: a of 1 and 3 (0 is watched) is half a place down.
    assert math.isnan(found[1])
    assert found[0] == 0.5
    assert np.isfinite(found[5])


def test_recall_at_every_length() -> None:
    found = recall_by_k(np.array([0, 4, 5, 150, math.nan]))
    assert found == {
        "1": 0.25, "5": 0.5, "10": 0.75, "20": 0.75, "50": 0.75, "100": 0.75, "200": 1, "500": 1, "1000": 1
    }  # fmt: skip


def test_the_interval_of_one_viewer_is_not_measured() -> None:
    ranked = np.array([0, 4, math.nan])
    assert set(intervals_by_k(ranked, np.array([1, 1, 2]), 0).values()) == {None}
    both = intervals_by_k(ranked, np.array([1, 2, 2]), 0)
    assert both["1"] == [0, 1]
    assert both["5"] == [1, 1]


def test_nothing_wanted() -> None:
    log, wanted = six_watches()
    nothing = wanted.take(np.zeros(len(wanted), bool))
    assert len(popular_ranks(log, nothing)) == 0
    assert all(math.isnan(value) for value in recall_by_k(np.zeros(0)).values())


def test_popularity_is_the_same_list_for_all() -> None:
    """Of seven days: 0 was watched twice before START. At f, in the window after, four times, the others once."""
    log, wanted = six_watches()
    week = ranks(log, wanted, popularity(log, 1008))
    # a and d: the viewer has watched 0, three videos at zero share places; b, 0 above and three share.
    np.testing.assert_array_equal(week, [1, 2, 0, 0.5, 0, 1])
