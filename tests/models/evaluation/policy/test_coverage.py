"""How often the intervals cover the truth: 200 worlds, and what a broken estimator would do in the same ones."""

import numpy as np
import pytest

from homefeed.cli.bench.policy import coverage, world
from models.evaluation.policy import snips

pytestmark = pytest.mark.slow


def test_snips_and_doubly_robust_cover_the_truth_in_90_to_99_of_100_worlds(settings) -> None:
    found = coverage(settings, 0.03, 200, seed=5000)
    assert 0.90 <= found["snips"] <= 0.99
    assert 0.90 <= found["dr"] <= 0.99


def test_propensities_that_are_ignored_miss_the_truth() -> None:
    missed = 0
    for seed in range(50):
        made = world(seed, 0.03)
        plain = snips(made.rounds.rewards, np.ones(len(made.rounds)), made.rounds.clusters)
        missed += not plain.covers(made.true_value)
    assert missed > 10
