"""What changes about a video from one moment to the next: its age, and how much it is watched beside the others."""

import numpy as np
import pytest

from models.retrieval.batches import Log, dynamic
from models.retrieval.moment import moment
from models.retrieval.watches import WatchCounts, Watches
from tests.models.retrieval.six_watches import HOUR, START, six_watches


def log_of(videos: list[int], hours: list[int]) -> Log:
    """The catalogue of four videos with these watches only, so many hours after START."""
    log, _ = six_watches()
    times, num = START + np.array(hours, np.int64) * HOUR, len(videos)
    watches = Watches(np.arange(num), np.array(videos, np.int64), times, np.ones(num, np.float32))
    return Log(log.table, watches, log.profiles, WatchCounts(watches))


def test_watches_are_multiples_of_a_mean_videos() -> None:
    # Six of eight watches are of video 0: three times the two that a mean one of four videos has.
    found = dynamic(log_of([0] * 6 + [1] * 2, [0] * 8), np.arange(3), np.full(3, START + HOUR))[:, 1:]
    expected = np.log1p([[3.0] * 3, [1.0] * 3, [0.0] * 3]) / 3
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_log_that_has_just_begun_says_the_same_of_a_video_as_it_does_later() -> None:
    # Of each hour's four watches three are of video 0; the week holds one hour of them, then five.
    log = log_of([0, 0, 0, 1] * 5, [hour for hour in range(5) for _ in range(4)])
    early, late = (dynamic(log, np.arange(4), np.full(4, START + hour * HOUR))[:, 1:] for hour in (1, 5))
    np.testing.assert_allclose(early, late, rtol=1e-6)


def test_where_nothing_was_watched_no_video_has_watches() -> None:
    nothing = np.zeros((2, 3), np.float32)
    found = moment(np.array([0, 0]), nothing, nothing, np.array([HOUR, 0]))
    assert found.tolist() == [[pytest.approx(np.log(2) / 5), 0, 0, 0], [0, 0, 0, 0]]
    assert dynamic(log_of([], []), np.arange(4), np.full(4, START))[:, 1:].tolist() == [[0, 0, 0]] * 4
