import numpy as np
import pytest

from serving.selector import slate, spread


def rng(seed=0):
    return np.random.default_rng(seed)


def test_no_candidates_make_an_empty_slate():
    none = np.empty(0, np.int64)
    assert len(spread(np.empty(0, np.float32), ((none, 0.5),), 0.1)) == 0
    assert len(slate(none, none, np.empty(0, np.float32), 0.5, rng()).index) == 0


def test_each_further_video_of_a_channel_keeps_half_of_its_lead():
    score = np.array([5, 4, 3, 1], np.float32)
    channel = np.array([7, 7, 7, 8])
    # Leads over the worst (1) are 4, 3, 2, 0; those of channel 7 keep 1, 1/2 and 1/4 of them.
    assert spread(score, ((channel, 0.5),), 0.0).tolist() == [5, 2.5, 1.5, 1]
    assert spread(score, ((channel, 0.5),), 0.4).tolist() == pytest.approx([5, 2.5, 1.8, 1])


def test_two_groups_multiply_and_negative_worth_keeps_its_order():
    score = np.array([-1, -2, -3], np.float32)
    same, topics = np.array([1, 1, 1]), np.array(["a", "b", "a"])
    assert spread(score, ((same, 0.5), (topics, 0.5)), 0.0).tolist() == [-1, -2.5, -3]


def test_without_exploration_the_best_come_in_order_and_for_sure():
    page = slate(np.array([4, 2, 0]), np.array([1, 3]), np.arange(5, dtype=np.float32), 0.0, rng())
    assert page.index.tolist() == [4, 2, 0]
    assert page.propensity.tolist() == [1, 1, 1]
    assert not page.explored.any()


def test_full_exploration_shows_the_pool_then_the_best():
    page = slate(np.array([9, 8, 7]), np.array([1, 2]), np.zeros(10, np.float32), 1.0, rng())
    assert sorted(page.index[:2].tolist()) == [1, 2]
    assert page.index[2] == 9
    assert page.propensity.tolist() == [0.5, 1.0, 1.0]  # one of two, the one that is left, the pool is empty
    assert page.explored.tolist() == [True, True, False]


def test_no_video_twice():
    for seed in range(50):
        page = slate(np.arange(20), np.arange(20, 25), np.zeros(25, np.float32), 0.4, rng(seed))
        assert len(set(page.index.tolist())) == 20


def test_logged_propensities_are_the_frequencies():
    best, pool, rounds = np.array([0, 1]), np.array([2, 3, 4]), 20_000
    pages = [slate(best, pool, np.zeros(5, np.float32), 0.3, rng(seed)) for seed in range(rounds)]
    first = np.array([page.index[0] for page in pages])
    logged = {int(page.index[0]): float(page.propensity[0]) for page in pages}
    for video in range(5):
        frequency = (first == video).mean()
        assert frequency == pytest.approx(logged.get(video, 0.0), abs=0.012)
    # Given that slot 0 explored, slot 1 explores one of the two that are left: 0.3 / 2.
    after = [page for page in pages if page.explored[0] and page.explored[1]]
    assert {round(float(page.propensity[1]), 6) for page in after} == {0.15}
    # An inverse-propensity estimate of a constant reward is that constant.
    estimate = np.mean([(page.index[0] == 3) / page.propensity[0] for page in pages])
    assert estimate == pytest.approx(1.0, abs=0.1)
