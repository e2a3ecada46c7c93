"""Runs of watches packed into rows, by hand."""

import numpy as np

from models.retrieval.runs import pack_runs
from models.retrieval.watches import Watches


def watches(*sizes: int) -> Watches:
    """Viewers with so many watches each; the video of a watch is its place among the viewer's."""
    users = np.repeat(np.arange(len(sizes)), sizes)
    videos = np.concatenate([np.arange(size) for size in sizes] or [np.zeros(0, np.int64)])
    return Watches(users, videos, np.arange(len(users)), np.zeros(len(users), np.float32))


def test_nothing_is_no_row() -> None:
    assert pack_runs(watches(), 4, np.random.default_rng(1)).watch.shape == (0, 4)


def test_viewers_that_fit_share_a_row_and_none_is_cut() -> None:
    """3 + 1 and 2 + 2 of rows of four."""
    log = watches(3, 2, 1, 2)
    stream = pack_runs(log, 4, np.random.default_rng(1))
    assert stream.watch.shape == (2, 4)
    assert sorted(stream.watch.ravel()) == list(range(8))
    assert sorted(map(tuple, log.users[stream.watch])) in ([(0, 0, 0, 2), (1, 1, 3, 3)], [(0, 0, 0, 2), (3, 3, 1, 1)])
    np.testing.assert_array_equal(stream.position, log.videos[stream.watch])
    np.testing.assert_array_equal(stream.segment, log.users[stream.watch])
    assert stream.complete.all()


def test_of_a_long_history_one_run_at_a_random_place_is_read() -> None:
    log, random = watches(6, 1), np.random.default_rng(1)
    begins = set()
    for _ in range(40):
        stream = pack_runs(log, 4, random)
        long = log.users[stream.watch[:, 0]] == 0
        (row,) = stream.watch[long]
        assert (np.diff(row) == 1).all()
        begins.add(int(row[0]))
        # Its first watch has a past that is not in the row, unless it is the viewer's first.
        assert stream.complete[long].tolist() == [[row[0] == 0, True, True, True]]
        assert stream.watch[~long].tolist() == [[6, -1, -1, -1]]
        assert stream.complete[~long].tolist() == [[True, False, False, False]]
    assert begins == {0, 1, 2}


def test_rows_are_nearly_full() -> None:
    sizes = np.random.default_rng(1).integers(1, 80, 500)
    stream = pack_runs(watches(*sizes), 50, np.random.default_rng(2))
    assert (stream.watch >= 0).sum() == np.minimum(sizes, 50).sum()
    assert (stream.watch >= 0).mean() > 0.97
