"""Team draft by hand, fairness of the draft, and the preference it reveals."""

import numpy as np
import pytest

from homefeed.cli.bench.ranker_choice import needed_viewers
from monitoring.experiments.interleaving import InterleavingError, preference, team_draft


def test_no_slot_and_rankings_that_cannot_fill_a_page() -> None:
    random = np.random.default_rng(0)
    assert team_draft(np.array([1]), np.array([2]), 0, random).videos.shape == (1, 0)
    with pytest.raises(InterleavingError, match="cannot fill 3"):
        team_draft(np.array([1, 2]), np.array([2, 1]), 3, random)
    with pytest.raises(InterleavingError, match="equally long"):
        team_draft(np.array([1, 2]), np.array([2]), 1, random)


def test_a_draft_by_hand() -> None:
    """Whoever begins takes its best; the other takes its best of what is left: 1 and 2 are both rankers' first two."""
    first, second = np.array([1, 2, 3, 4]), np.array([2, 1, 5, 6])
    for seed in range(8):
        drafted = team_draft(first, second, 4, np.random.default_rng(seed))
        assert sorted(drafted.videos[0, :2]) == [1, 2]
        assert sorted(drafted.videos[0, 2:]) == [3, 5]
        by_first = drafted.team[0] == 0
        assert sorted(drafted.videos[0, by_first]) == [1, 3]
        assert by_first[:2].sum() == by_first[2:].sum() == 1


def test_equal_rankers_are_shown_as_they_are_and_begin_equally_often() -> None:
    ranking = np.tile(np.arange(10), (4_000, 1))
    drafted = team_draft(ranking, ranking, 10, np.random.default_rng(0))
    assert (drafted.videos == ranking).all()
    assert drafted.team[:, 0].mean() == pytest.approx(0.5, abs=0.03)
    assert (drafted.team.sum(1) == 5).all()


def test_preference_by_hand() -> None:
    """Viewer 1 watched two of the first's picks and one of the second's, viewer 2 one of the first's."""
    found = preference(np.array([1, 1, 1, 2, 2]), np.array([0, 0, 1, 0, 1]), np.array([True, True, True, True, False]))
    assert (found.estimate, found.num_viewers) == (0.5, 2)
    assert found.low < 0 < found.high


def test_no_watch_is_no_preference() -> None:
    found = preference(np.array([1, 2]), np.array([0, 1]), np.array([False, False]))
    assert np.isnan(found.estimate)
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_a_viewer_is_one_observation() -> None:
    """A hundred watches of one viewer do not make a preference sure."""
    users, watched = np.append(np.zeros(100, int), 1), np.ones(101, bool)
    found = preference(users, np.zeros(101, int), watched)
    assert found.low < 0 < found.estimate


def test_interleaving_takes_a_fifth_of_the_viewers_of_the_comparison_of_arms_at_most() -> None:
    found = needed_viewers(seed=3, num_viewers=10_000)
    assert found.better_is_preferred
    assert found.interleaving <= found.arms / 5
