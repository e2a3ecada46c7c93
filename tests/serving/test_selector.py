import hashlib

import numpy as np
import pytest
from scipy.stats import chi2

from homefeed.settings.serving import ServingSettings
from serving.draft import Ranked
from serving.exploration import slot_chances
from serving.selector import slate, spread


def rng(seed=0):
    return np.random.default_rng(seed)


def page_of(best, pool, exploration, rng, weight=None):
    """A page whose scores are all alike; slots explore alike and the pool weighs alike when nothing else is said."""
    best, pool = np.asarray(best, np.int64), np.asarray(pool, np.int64)
    num = max([*best, *pool], default=-1) + 1
    ranked = Ranked(np.zeros(num, np.float32), best, pool, np.ones(len(pool)) if weight is None else weight)
    return slate(ranked, np.broadcast_to(exploration, len(best)), rng)


def test_no_candidates_make_an_empty_slate():
    none = np.empty(0, np.int64)
    assert len(spread(np.empty(0, np.float32), ((none, 0.5),), 0.1)) == 0
    assert len(page_of(none, none, 0.5, rng()).index) == 0


def test_each_further_video_of_a_channel_keeps_half_of_its_lead():
    score = np.array([5, 4, 3, 1], np.float32)
    channel = np.array([7, 7, 7, 8])
    # Leads over the worst (1) are 4, 3, 2, 0; those of channel 7 keep 1, 1/2 and 1/4 of them.
    assert spread(score, ((channel, 0.5),), 0.0).tolist() == [5, 2.5, 1.5, 1]
    assert spread(score, ((channel, 0.5),), 0.4).tolist() == pytest.approx([5, 2.5, 1.8, 1])


def test_two_groups_multiply_and_negative_worth_keeps_its_order():
    score = np.array([-1, -2, -3], np.float32)
    same, topics = np.array([1, 1, 1]), np.array([4, 5, 4])
    assert spread(score, ((same, 0.5), (topics, 0.5)), 0.0).tolist() == [-1, -2.5, -3]


def test_without_exploration_the_best_come_in_order_and_for_sure():
    page = page_of([4, 2, 0], [1, 3], 0.0, rng())
    assert page.index.tolist() == [4, 2, 0]
    assert page.propensity.tolist() == [1, 1, 1]
    assert not page.explored.any()


def test_full_exploration_shows_the_pool_then_the_best():
    page = page_of([9, 8, 7], [1, 2], 1.0, rng())
    assert sorted(page.index[:2].tolist()) == [1, 2]
    assert page.index[2] == 9
    assert page.propensity.tolist() == [0.5, 1.0, 1.0]  # one of two, the one that is left, the pool is empty
    assert page.explored.tolist() == [True, True, False]


def test_no_video_twice():
    for seed in range(50):
        page = page_of(np.arange(20), np.arange(20, 25), 0.4, rng(seed), np.arange(1.0, 6.0))
        assert len(set(page.index.tolist())) == 20


def test_logged_propensities_are_the_frequencies():
    best, pool, rounds = np.array([0, 1]), np.array([2, 3, 4]), 20_000
    pages = [page_of(best, pool, 0.3, rng(seed)) for seed in range(rounds)]
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


def test_weighted_propensities_by_hand():
    # Weights 1, 2 and 5 of 8: the first explored slot is drawn by them, the next by what is left of them.
    weight = {4: 1.0, 5: 2.0, 6: 5.0}
    for seed in range(20):
        page = page_of([9, 8], [4, 5, 6], 1.0, rng(seed), np.array([1.0, 2.0, 5.0]))
        first, second = (weight[video] for video in page.index)
        assert page.propensity.tolist() == pytest.approx([first / 8, second / (8 - first)])


def test_the_last_of_the_pool_is_drawn_for_sure_without_an_error_of_rounding():
    weight = np.array([1e-9, 0.1, 0.2, 0.3, 1e6])
    for seed in range(20):
        page = page_of(np.arange(10, 16), np.arange(5), 1.0, rng(seed), weight)
        assert page.propensity[4] == 1
        assert (page.propensity <= 1).all()


def served(num_pages, num_slots, num_pool, exploration, weight=None):
    """Many pages as the service makes them: the draws of each come from its request id. Each array [pages, slots].

    Video `v` is the v-th of the best when `v < num_slots`, else the (v - num_slots)-th of the pool.
    """
    best, pool = np.arange(num_slots), np.arange(num_slots, num_slots + num_pool)
    ids = [hashlib.md5(b"%d" % page).hexdigest() for page in range(num_pages)]
    seeds = [int.from_bytes(i.encode()[-16:], "big") for i in ids]
    pages = [page_of(best, pool, exploration, rng(seed), weight) for seed in seeds]
    return tuple(np.stack([getattr(page, name) for page in pages]) for name in ("index", "propensity", "explored"))


def rank_among_left(index, explored, num_slots):
    """Which of the pool's videos that were left a slot shows, counted in order of number; where it explored."""
    page, slot = np.nonzero(explored)
    video = index[page, slot] - num_slots
    nth = np.cumsum(explored, axis=1)[page, slot] - 1
    table = np.full((len(index), nth.max() + 1), np.iinfo(np.int64).max)
    table[page, nth] = video
    before = (table[page] < video[:, None]) & (np.arange(table.shape[1]) < nth[:, None])
    return video - before.sum(axis=1)


@pytest.mark.parametrize(("num_pool", "exploration"), [(60, 0.1), (12, 0.25), (1, 0.02)])
def test_over_a_million_slots_the_frequencies_are_the_logged_propensities(num_pool, exploration):
    """Given how many of the pool are left, L, a slot has L + 1 outcomes: each of those, or the next best.

    Their counts against slots times logged propensity are one chi-square, with L degrees of freedom for each L.
    """
    num_slots = 100
    index, propensity, explored = served(10_000, num_slots, num_pool, exploration)
    assert index.size == 1_000_000
    left = np.maximum(num_pool - (np.cumsum(explored, axis=1) - explored), 0)
    outcome = np.full(index.shape, num_pool)  # the next best
    outcome[explored] = rank_among_left(index, explored, num_slots)
    counts = np.zeros((num_pool + 1, num_pool + 1), np.int64)
    np.add.at(counts, (left, outcome), 1)
    logged = np.full(counts.shape, np.nan)
    logged[left, outcome] = propensity
    assert (logged[left, outcome] == propensity).all()  # one propensity for one situation
    statistic, freedom = 0.0, 0
    for num_left in range(num_pool + 1):
        outcomes = [*range(num_left), num_pool]
        expected = counts[num_left].sum() * logged[num_left, outcomes]
        if (expected >= 5).all():  # with fewer, on the rare page that explored very often, there is no chi-square
            statistic += ((counts[num_left, outcomes] - expected) ** 2 / expected).sum()
            freedom += num_left
            assert logged[num_left, outcomes].sum() == pytest.approx(1, abs=1e-6)
    assert freedom >= num_pool
    assert chi2.sf(statistic, freedom) > 0.01
    # What was drawn without a choice, with the pool empty, is logged as sure.
    assert (propensity[left == 0] == 1).all()
    assert not explored[left == 0].any()


@pytest.mark.parametrize(("exploration", "spared_share"), [(0.03, 0.0), (0.2, 0.0), (0.1, 0.2), (0.9, 0.2)])
def test_over_a_million_slots_weighted_draws_match_their_logged_propensities(exploration, spared_share):
    """Given which of six videos are left, a slot has as many outcomes and the next best.

    Each of the 64 situations, in a spared slot or below, is one chi-square of counts against slots times propensity.
    """
    num_slots, weight = 100, np.array([0.01, 0.1, 0.2, 0.5, 1.0, 1.0])
    chances = slot_chances(exploration, num_slots, ServingSettings(spared_share=spared_share))
    index, propensity, explored = served(10_000, num_slots, len(weight), chances, weight)
    outcome = np.where(explored, index - num_slots, len(weight))
    taken = np.where(explored, 1 << np.minimum(outcome, len(weight) - 1), 0)
    situation = np.cumsum(taken, axis=1) - taken  # bit v is set when the slots above show v
    zone = np.broadcast_to(np.arange(num_slots) >= spared_share * num_slots, index.shape).astype(np.int64)
    counts = np.zeros((2, 64, len(weight) + 1), np.int64)
    np.add.at(counts, (zone, situation, outcome), 1)
    assert counts.sum() == 1_000_000
    logged = np.full(counts.shape, np.nan)
    logged[zone, situation, outcome] = propensity
    np.testing.assert_allclose(logged[zone, situation, outcome], propensity, rtol=1e-6)  # one for one situation
    statistic, freedom = 0.0, 0
    for below, above in np.ndindex(2, 63):
        chance = chances[-1] if below else chances[0]
        left = [video for video in range(len(weight)) if not above >> video & 1]
        by_hand = np.array([*(chance * weight[left] / weight[left].sum()), 1 - chance])
        expected = counts[below, above].sum() * by_hand
        if (expected >= 5).all():
            seen = logged[below, above, [*left, len(weight)]]
            assert seen == pytest.approx(by_hand, rel=1e-5)
            statistic += ((counts[below, above, [*left, len(weight)]] - expected) ** 2 / expected).sum()
            freedom += len(left)
    assert freedom >= 30
    assert chi2.sf(statistic, freedom) > 0.01
    assert (propensity[situation == 63] == 1).all()


def test_each_slot_explores_with_a_chance_of_its_own():
    chances = np.array([0.0, 0.5, 1.0, 0.25])
    ranked = Ranked(np.zeros(8, np.float32), np.arange(4), np.arange(4, 8), np.ones(4))
    pages = [slate(ranked, chances, rng(seed)) for seed in range(4000)]
    explored = np.stack([page.explored for page in pages])
    assert explored.mean(axis=0) == pytest.approx(chances, abs=0.03)
    for page in pages[:50]:
        left = 4 - (np.cumsum(page.explored) - page.explored)
        by_hand = np.where(page.explored, chances / left, 1 - chances)
        assert page.propensity == pytest.approx(by_hand)


def test_exploration_takes_its_share_of_the_slots():
    for exploration in (0.05, 0.1, 0.5, 0.9):
        chances = slot_chances(exploration, 100, ServingSettings())
        _, _, explored = served(10_000, 100, 100, chances)
        assert explored.mean() == pytest.approx(exploration, rel=0.01)
        assert explored.mean(axis=0) == pytest.approx(chances, abs=0.025)


def test_a_video_can_come_by_its_value_and_by_exploration():
    # 2 is the next best and one of two that are drawn alike: 0.6 for its value, 0.4 / 2 for the draw.
    page = page_of([2, 1], [2, 3], 0.4, rng(1))
    by_hand = {(2, 1): (0.8, 0.6), (2, 3): (0.8, 0.4), (3, 2): (0.2, 1.0)}
    seen = {}
    for seed in range(4000):
        page = page_of([2, 1], [2, 3], 0.4, rng(seed))
        shown = tuple(page.index.tolist())
        assert page.propensity.tolist() == pytest.approx(by_hand[shown])
        seen[shown] = seen.get(shown, 0) + 1
    # Three pages, each as often as its propensities say: 0.48, 0.32 and 0.2.
    counts = np.array([seen[shown] for shown in by_hand])
    expected = 4000 * np.prod(list(by_hand.values()), axis=1)
    assert expected.sum() == pytest.approx(4000)
    assert chi2.sf(((counts - expected) ** 2 / expected).sum(), 2) > 0.01


def test_pages_whose_pool_is_among_the_best_come_as_often_as_their_propensities_say():
    """Every page of four slots with its probability by the product of the logged propensities, against its count."""
    weight = np.array([3.0, 1.0, 0.5, 2.0])
    pages = [page_of([0, 1, 2, 3], [2, 1, 5, 4], 0.5, rng(seed), weight) for seed in range(30_000)]
    logged, counts = {}, {}
    for page in pages:
        shown = tuple(page.index.tolist())
        logged[shown] = float(np.prod(page.propensity.astype(np.float64)))
        counts[shown] = counts.get(shown, 0) + 1
    assert sum(logged.values()) == pytest.approx(1, abs=0.01)  # but for pages too rare to come
    often = [shown for shown in logged if len(pages) * logged[shown] >= 5]
    seen, expected = (np.array([of[shown] for shown in often]) for of in (counts, logged))
    expected = expected * len(pages)
    rest = len(pages) - seen.sum(), len(pages) - expected.sum()
    statistic = ((seen - expected) ** 2 / expected).sum() + (rest[0] - rest[1]) ** 2 / max(rest[1], 1)
    assert len(often) > 40
    assert chi2.sf(statistic, len(often)) > 0.01
