"""Watches as arrays: packing, histories and counts."""

import numpy as np

from models.retrieval.watches import WatchCounts, Watches, histories, pack

WINDOW = 600_000_000


def log() -> Watches:
    """Viewer 1 watched videos 0, 1, 2 and viewer 5 video 1, one window apart."""
    return Watches(
        np.array([1, 1, 1, 5]), np.array([0, 1, 2, 1]), np.array([10, 11, 12, 11]) * WINDOW, np.ones(4, np.float32)
    )


def empty() -> Watches:
    none = np.zeros(0, np.int64)
    return Watches(none, none, none, np.zeros(0, np.float32))


def test_nothing_packs_into_no_rows() -> None:
    assert pack(empty(), 4, np.random.default_rng(0)).watch.shape == (0, 4)


def test_every_watch_is_packed_once_and_viewers_do_not_mix() -> None:
    stream = pack(log(), 3, np.random.default_rng(0))
    real = stream.watch >= 0
    assert sorted(stream.watch[real].tolist()) == [0, 1, 2, 3]
    users = log().users[stream.watch]
    for row in range(len(stream.watch)):
        for column in range(1, 3):
            if real[row, column]:
                same = users[row, column] == users[row, column - 1]
                assert (stream.segment[row, column] == stream.segment[row, column - 1]) == same
                assert stream.position[row, column] == (stream.position[row, column - 1] + 1 if same else 0)


def test_a_run_cut_by_the_end_of_a_row_does_not_pass_for_a_new_viewer() -> None:
    stream = pack(log().take(np.arange(3)), 2, np.random.default_rng(0))
    assert stream.watch.tolist() == [[0, 1], [2, -1]]
    # The first watch of all is a newcomer's; the third has lost its past; the padding is nothing.
    assert stream.complete.tolist() == [[True, True], [False, False]]


def test_histories_hold_what_was_watched_strictly_before() -> None:
    found = histories(log(), np.array([1, 1, 5, 9]), np.array([12, 13, 11, 13]) * WINDOW, 2)
    assert found.tolist() == [[0, 1], [1, 2], [-1, -1], [-1, -1]]
    assert histories(empty(), np.array([1]), np.array([WINDOW]), 2).tolist() == [[-1, -1]]


def test_counts_end_before_the_window() -> None:
    counts = WatchCounts(log())
    # Video 1 was watched twice in window 11.
    assert counts.before(np.array([1, 1, 1]), np.array([11, 12, 18]), (1, 6)).tolist() == [[0, 0], [2, 2], [0, 0]]
    assert counts.before(np.array([1]), np.array([17]), (6,)).tolist() == [[2]]


def test_totals_are_the_counts_of_all_videos() -> None:
    counts = WatchCounts(log())
    # One watch in window 10, two in 11, one in 12.
    assert counts.total(np.array([10, 11, 12, 13]), (1, 6)).tolist() == [[0, 0], [1, 1], [2, 3], [1, 4]]
    assert WatchCounts(empty()).total(np.array([12]), (1, 6)).tolist() == [[0, 0]]
