"""Estimates whose numbers can be worked out by hand."""

import numpy as np
import pytest

from models.evaluation.policy import PolicyError, Rounds, direct_method, doubly_robust, ips, ratio, snips
from models.evaluation.policy.errors import UnsupportedError
from models.evaluation.policy.reward_model import cross_fitted
from models.evaluation.policy.support import effective_size, supported
from models.evaluation.policy.target import probabilities


def rounds(items, rewards, propensities, *, contexts=None, clusters=None, num_items=2) -> Rounds:
    num = len(items)
    context = np.zeros(num, np.int64) if contexts is None else np.asarray(contexts)
    design = np.eye(int(context.max()) + 1) if num else np.zeros((0, 0))
    return Rounds(
        np.asarray(items, np.int64),
        context,
        np.asarray(rewards, np.float64),
        np.asarray(propensities, np.float64),
        np.arange(num) if clusters is None else np.asarray(clusters),
        design,
        num_items,
    )


def test_nothing_and_one_row_have_no_interval() -> None:
    nothing = ratio([], [])
    one = ratio([3.0], [2.0])
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert one.value == 1.5
    assert np.isnan([one.low, one.high]).all()
    # All say the same: that is no evidence of a width of zero.
    assert np.isnan(ratio([1.0] * 50, [1.0] * 50).low)


def test_the_interval_of_a_balanced_coin_is_the_one_by_hand() -> None:
    # 500 of 1,000: the likelihood ratio is 2 n (ln 0.5/p + ln 0.5/(1-p)) / 2; degrees of freedom n, so t is 1.9623.
    estimate = ratio([1.0, 0.0] * 500, [1.0] * 1000)
    for bound in (estimate.low, estimate.high):
        assert -1000 * np.log(4 * bound * (1 - bound)) == pytest.approx(1.96234**2, rel=1e-4)
    assert estimate.low + estimate.high == pytest.approx(1)


def test_few_successes_make_a_wide_and_lopsided_interval() -> None:
    few = ratio([1.0] * 5 + [0.0] * 9995, np.ones(10_000))
    assert few.value == 0.0005
    # The exact interval of 5 in 10,000 is 0.00016 to 0.00117; the one of a normal distribution would begin at 0.00006.
    assert few.low < 0.00017
    assert few.high > 0.00117
    assert few.high - few.value > 1.5 * (few.value - few.low) > 0


def test_rows_of_a_cluster_are_not_counted_twice() -> None:
    once = ratio([1.0, 0.0] * 50, [1.0] * 100)
    doubled = ratio([1.0, 1.0, 0.0, 0.0] * 50, [1.0] * 200, np.repeat(np.arange(100), 2))
    assert (doubled.low, doubled.high) == pytest.approx((once.low, once.high), rel=1e-6)


def test_ips_and_snips_by_hand() -> None:
    # The log shows a and b each half of the time; the target shows a with 0.9: weights 1.8 and 0.2.
    rewards, weights = [1, 0, 1, 0], [1.8, 1.8, 0.2, 0.2]
    assert ips(rewards, weights).value == pytest.approx((1.8 + 0.2) / 4)
    assert snips(rewards, weights).value == pytest.approx(2.0 / 4.0)
    assert snips([1, 0, 0], [2, 1, 1]).value == pytest.approx(0.5)
    assert ips([1, 0, 0], [2, 1, 1]).value == pytest.approx(2 / 3)


def test_a_policy_that_is_the_logging_one_is_worth_what_it_got() -> None:
    rewards = np.tile([1.0, 0.0, 0.0, 0.0], 25)
    for estimate in (ips(rewards, np.ones(100)), snips(rewards, np.ones(100))):
        assert estimate.value == 0.25
        assert estimate.covers(0.25)


def test_snips_does_not_move_with_the_scale_of_the_weights() -> None:
    rng = np.random.default_rng(3)
    weights, rewards = rng.random(200) + 0.1, rng.random(200) < 0.3
    one, other = snips(rewards, weights), snips(rewards, 5 * weights)
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-6)


def test_doubly_robust_by_hand() -> None:
    # The model says 0.5 for everything: its mean, and the weighted mean of -0.5 and 0.5.
    estimate = doubly_robust([1, 0], [1.8, 0.2], [0.5, 0.5], [0.5, 0.5])
    assert estimate.value == pytest.approx(0.5 + (1.8 * 0.5 - 0.2 * 0.5) / 2)
    # A model that is right leaves nothing to the weights, however large.
    assert doubly_robust([1, 0], [900, 900], [1, 0], [0.7, 0.3]).value == pytest.approx(0.5)
    assert direct_method([0.7, 0.3], [0.1, -0.1]).value == pytest.approx(0.5)


def test_doubly_robust_is_not_narrower_than_the_spread_its_model_expects() -> None:
    # All 400 rewards of the heavy rows are missing by chance: the residuals are calm, the model knows better.
    rewards, weights = np.tile([1.0, 0.0, 0.0, 0.0], 100), np.tile([0.1, 0.1, 0.1, 9.0], 100)
    chances = np.full(400, 0.25)
    plain = ratio(chances + weights * (rewards - chances), np.ones(400))
    robust = doubly_robust(rewards, weights, chances, chances)
    assert robust.value == plain.value
    assert (robust.high - robust.low) > (plain.high - plain.low)


def test_effective_size_by_hand() -> None:
    assert effective_size([2, 2, 2]) == 3
    assert effective_size([3, 1]) == pytest.approx(16 / 10)
    assert effective_size([0, 0]) == 0
    assert effective_size([]) == 0


def test_support_counts_what_was_never_shown_there() -> None:
    log = rounds([0, 0, 1, 0], [1, 0, 0, 0], [0.5] * 4)
    group = np.array([0, 0, 0, 1])
    # Group 1, a quarter of the rounds, never shows item 1: 0.4 of the target there, 0.1 of all.
    target = np.array([[0.5, 0.5], [0.6, 0.4]])
    found = supported(log, target, group, ["a", "b"], 0.1)
    assert found.unsupported == pytest.approx(0.1)
    assert found.largest == pytest.approx(1.2)
    assert found.mean == pytest.approx((1 + 1 + 1 + 1.2) / 4)
    with pytest.raises(
        UnsupportedError, match=r"10.0% of what the target policy shows is never shown.*\(b \(10.0%\)\)"
    ):
        supported(log, target, group, ["a", "b"], 0.09)


def test_a_target_that_nothing_supports_is_refused_whatever_is_accepted() -> None:
    log = rounds([0, 0], [1, 0], [1.0, 1.0])
    with pytest.raises(UnsupportedError, match=r"100.0% of what the target policy shows"):
        supported(log, np.array([[0.0, 1.0]]), np.array([0, 0]), ["a", "b"], 1.0)


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_propensity_that_is_none_is_named(wrong: float) -> None:
    with pytest.raises(PolicyError, match=r"propensities, row 1: .* is not a probability above 0"):
        rounds([0, 1], [1, 0], [0.5, wrong])


def test_rounds_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PolicyError, match="no rounds"):
        rounds([], [], [])
    with pytest.raises(PolicyError, match="1 rewards where there are 2 items"):
        rounds([0, 1], [1], [0.5, 0.5])
    with pytest.raises(PolicyError, match="rewards, row 0: nan"):
        rounds([0], [float("nan")], [0.5])


def test_target_probabilities_are_not_fooled_by_what_was_likely_when_it_was_shown() -> None:
    # Half of the time a has 0.8 and b 0.2, half the other way round: each is shown half of the time.
    items = np.array([0] * 8 + [1] * 2 + [0] * 2 + [1] * 8)
    propensities = np.array([0.8] * 8 + [0.2] * 2 + [0.2] * 2 + [0.8] * 8)
    log, group = rounds(items, np.zeros(20), propensities), np.zeros(20, np.int64)
    found, sums = probabilities(log, group, 1, "propensities")
    np.testing.assert_allclose(found, [[0.5, 0.5]])
    np.testing.assert_allclose(sums, 1)  # plain means would be 0.68 each
    shares, _ = probabilities(log, group, 1, "shares")
    np.testing.assert_allclose(shares, [[0.5, 0.5]])


def test_constant_propensities_are_the_probabilities_exactly() -> None:
    log = rounds([0, 0, 0, 1], np.zeros(4), [0.6, 0.6, 0.6, 0.4])
    found, sums = probabilities(log, np.zeros(4, np.int64), 1, "propensities")
    np.testing.assert_allclose(found, [[0.6, 0.4]])
    np.testing.assert_allclose(sums, [1.0])


def test_the_model_finds_the_rates_and_never_predicts_what_taught_it() -> None:
    # 4,000 rounds, item 0 rewarded 1 in 4, item 1 never but once.
    items = np.tile([0, 1], 2000)
    rewards = np.where(items == 0, np.tile([1, 1, 0, 0, 0, 0, 0, 0], 500), 0).astype(float)
    rewards[1] = 1
    log = rounds(items, rewards, np.full(4000, 0.5))
    target = np.array([[1.0, 0.0]])
    model = cross_fitted(log, target, folds=5, l2=1e-3, seed=0)
    np.testing.assert_allclose(model.predicted[items == 0], 0.25, atol=0.02)
    np.testing.assert_allclose(model.expected, 0.25, atol=0.02)
    # The only reward of item 1 is unknown to the model that predicts it.
    assert model.predicted[1] < 2e-4
    assert model.predicted[3] > 4e-4 or model.predicted[5] > 4e-4
    assert model.corrections.mean() == pytest.approx(0, abs=1e-12)


def test_the_interval_of_the_direct_method_is_that_of_a_rate_where_the_model_is_one() -> None:
    # One item, one context: the direct method is the click rate, and so must be its interval.
    rewards = np.tile([1.0] + [0.0] * 9, 200)
    log = rounds(np.zeros(2000), rewards, np.ones(2000), num_items=1)
    model = cross_fitted(log, np.array([[1.0]]), folds=5, l2=1.0, seed=1)
    estimate, rate = direct_method(model.expected, model.corrections), ratio(rewards, np.ones(2000))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.1, rate.low, rate.high), rel=0.02)


def test_rewards_that_teach_no_model_are_refused() -> None:
    target = np.array([[0.5, 0.5]])
    with pytest.raises(PolicyError, match="1 of 10 rounds have a reward"):
        cross_fitted(rounds([0, 1] * 5, [1] + [0] * 9, [0.5] * 10), target, folds=5, l2=1.0, seed=0)
    with pytest.raises(PolicyError, match="rewards of 0 or 1"):
        cross_fitted(rounds([0, 1], [0.5, 1], [0.5] * 2), target, folds=2, l2=1.0, seed=0)


def test_a_round_moves_the_direct_method_as_its_correction_says() -> None:
    # Turn one reward around and compare with the correction: the derivative, so rewards of many rounds keep it small.
    rng = np.random.default_rng(5)
    items, contexts = rng.integers(3, size=3000), rng.integers(4, size=3000)
    rewards = (rng.random(3000) < 0.1 + 0.05 * items).astype(float)
    target = rng.dirichlet([1, 1, 1], 4)
    made = [
        rounds(items, value, np.full(3000, 1 / 3), contexts=contexts, num_items=3)
        for value in (rewards, np.where(np.arange(3000) == 17, 1 - rewards, rewards))
    ]
    before, after = (cross_fitted(each, target, folds=3, l2=1.0, seed=2) for each in made)
    moved = 3000 * (after.expected.mean() - before.expected.mean())
    said = after.corrections[17] - before.corrections[17]
    assert moved == pytest.approx(said, rel=0.05)
