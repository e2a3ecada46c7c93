"""The streaming estimate of how often a video is drawn."""

import numpy as np
import pytest

from models.retrieval.frequency import StreamingFrequency


def test_an_empty_step_changes_nothing() -> None:
    frequency = StreamingFrequency(4)
    frequency.update(np.zeros(0, np.int64))
    assert frequency.probability(np.arange(4)).tolist() == [0.25] * 4


def test_a_video_at_every_step_has_probability_one() -> None:
    frequency = StreamingFrequency(1, rate=0.5)
    for _ in range(30):
        frequency.update(np.zeros(10, np.int64))
    assert frequency.probability(np.array([0]))[0] == pytest.approx(1, abs=1e-3)


def test_batches_of_any_size_give_the_same_estimate() -> None:
    stream = np.random.default_rng(1).integers(0, 20, 1000)
    whole, parts = StreamingFrequency(20), StreamingFrequency(20)
    whole.update(stream)
    for first in range(0, 1000, 77):
        parts.update(stream[first : first + 77])
    np.testing.assert_allclose(whole.probability(np.arange(20)), parts.probability(np.arange(20)))


def test_estimates_approach_the_probabilities() -> None:
    true = np.array([0.5, 0.3, 0.15, 0.05])
    frequency = StreamingFrequency(4, rate=0.01)
    frequency.update(np.random.default_rng(2).choice(4, 50_000, p=true))
    assert frequency.probability(np.arange(4)) == pytest.approx(true, rel=0.25)
