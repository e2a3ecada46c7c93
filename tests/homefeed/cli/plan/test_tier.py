"""The simulation of the serving tier against queues that can be computed by hand or by theory."""

import numpy as np
import pytest

from homefeed.cli.plan.tier import Tier, drawn_times, fixed_times, p99_ms, poisson, quantile_times, simulate

RANDOM = np.random.default_rng


def exponential(mean: float):
    return lambda random, num: random.exponential(mean, num)


def test_pages_wait_for_the_worker_in_order() -> None:
    tier = Tier(1, 1, fixed_times(1.0))
    assert simulate(tier, np.array([]), RANDOM(0)).tolist() == []
    assert simulate(tier, np.array([0.0, 0.0, 0.5, 9.0]), RANDOM(0)).tolist() == [1, 2, 2.5, 1]


def test_the_balancer_chooses_the_replica_with_the_fewest_pages() -> None:
    assert simulate(Tier(2, 1, fixed_times(1.0)), np.zeros(4), RANDOM(0)).tolist() == [1, 1, 2, 2]
    assert simulate(Tier(1, 2, fixed_times(1.0)), np.zeros(4), RANDOM(0)).tolist() == [1, 1, 2, 2]


def test_a_page_waits_for_the_slowest_shard() -> None:
    """A quarter of 4 s, 0.5 s there, searches of 1 and 3 s, 0.5 s back, the rest of the 4 s."""
    searches = lambda random, num: np.array([1.0, 3.0])  # noqa: E731
    tier = Tier(1, 1, fixed_times(4.0), before_share=0.25, shards=2, search=searches, hop_s=0.5)
    assert simulate(tier, np.array([10.0]), RANDOM(0)).tolist() == [1 + 0.5 + 3 + 0.5 + 3]


def test_a_replica_works_on_while_its_page_waits_for_the_shards() -> None:
    """Two pages of 1 s before and 1 s after a search of 1 s: the second uses the second that the first waits."""
    tier = Tier(1, 1, fixed_times(2.0), before_share=0.5, shards=1, shard_workers=2, search=fixed_times(1.0))
    assert simulate(tier, np.zeros(2), RANDOM(0)).tolist() == [3, 4]


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_one_exponential_worker_is_m_m_1(load: float) -> None:
    """Mean time in the system 1 / (mu - lambda), 99th percentile ln(100) times that."""
    latency = simulate(Tier(1, 1, exponential(1.0)), poisson(load, 60_000, RANDOM(1)), RANDOM(2))
    expected = 1 / (1 - load)
    assert latency.mean() == pytest.approx(expected, rel=0.06)
    assert np.quantile(latency, 0.99) == pytest.approx(np.log(100) * expected, rel=0.1)


def test_one_steady_worker_is_m_d_1() -> None:
    """Mean wait rho / (2 (1 - rho)) services: 1 at a load of two thirds, so 2 with the service."""
    latency = simulate(Tier(1, 1, fixed_times(1.0)), poisson(2 / 3, 60_000, RANDOM(1)), RANDOM(2))
    assert latency.mean() == pytest.approx(2.0, rel=0.04)


def test_two_workers_are_erlang_c() -> None:
    """M/M/2 at a load of 0.5 each: a page waits with chance 1/3, and the mean time is 4/3."""
    latency = simulate(Tier(1, 2, exponential(1.0)), poisson(1.0, 60_000, RANDOM(1)), RANDOM(2))
    assert latency.mean() == pytest.approx(4 / 3, rel=0.04)


def test_the_slowest_of_ten_exponential_shards_is_a_harmonic_number() -> None:
    tier = Tier(1, 1, fixed_times(0.0), shards=10, shard_workers=100, search=exponential(1.0))
    latency = simulate(tier, np.arange(2000) * 100.0, RANDOM(3))
    assert latency.mean() == pytest.approx(sum(1 / k for k in range(1, 11)), rel=0.03)


def test_drawn_times_keep_the_quantiles_they_were_made_from() -> None:
    drawn = quantile_times([(0.5, 10.0), (0.95, 20.0), (0.99, 50.0)], scale=2.0)(RANDOM(4), 200_000)
    assert np.quantile(drawn, [0.5, 0.95, 0.99]) == pytest.approx([20, 40, 100], rel=0.02)
    assert set(drawn_times(np.array([1.0, 2.0]))(RANDOM(5), 100)) == {1.0, 2.0}


def test_the_same_seed_is_the_same_percentile() -> None:
    tier = Tier(2, 1, exponential(0.01))
    assert p99_ms(tier, 100, 1000, seed=1) == p99_ms(tier, 100, 1000, seed=1)
