"""How often the intervals cover the truth: 200 worlds, and what ignoring the propensities would do in them."""

import numpy as np
import pytest

from homefeed.cli.bench.policy import coverage, world
from models.evaluation.policy import snips
from models.evaluation.policy.support import effective_size

pytestmark = pytest.mark.slow


def test_snips_and_doubly_robust_cover_the_truth_in_90_to_99_of_100_worlds(settings) -> None:
    found = coverage(settings, 0.03, 200, seed=settings.seed)
    assert 0.90 <= found["snips"] <= 0.99
    assert 0.90 <= found["dr"] <= 0.99


def test_weights_come_nearer_to_the_truth_than_the_click_rate_although_they_spread_more() -> None:
    errors = []
    for seed in range(300):
        made = world(seed, 0.03)
        weights = made.target[made.rounds.contexts, made.rounds.items] / made.rounds.propensities
        weighted, plain = (snips(made.rounds.rewards, each).value for each in (weights, np.ones(len(weights))))
        errors.append([weighted - made.true_value, plain - made.true_value])
        assert effective_size(weights) < len(weights)
    assert np.abs(np.median(errors, 0))[0] < 0.002
