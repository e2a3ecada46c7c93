"""The streaming estimate of how often a video is drawn."""

from pathlib import Path

import numpy as np
import pytest

from models.retrieval.frequency import StreamingFrequency

MEMORY = 100_000


def keys(videos: np.ndarray) -> np.ndarray:
    """Keys as spread as those of real ids."""
    return np.random.default_rng(0).integers(1, 2**63 - 1, 100_000)[videos]


def test_an_empty_step_changes_nothing() -> None:
    frequency = StreamingFrequency(64, MEMORY)
    frequency.update(np.zeros(0, np.int64))
    assert frequency.probability(np.arange(4)).tolist() == [1] * 4


def test_counts_of_a_short_stream_are_exact() -> None:
    frequency = StreamingFrequency(4096, MEMORY)
    frequency.update(keys(np.array([0, 1, 0, 0])))
    # Three of four, one of four; a video that never came stands for one draw.
    assert frequency.probability(keys(np.array([0, 1, 2]))) == pytest.approx([0.75, 0.25, 0.25], rel=1e-4)


def test_an_occurrence_one_memory_ago_counts_one_e_th() -> None:
    frequency = StreamingFrequency(4096, 1000)
    frequency.update(np.full(10_000, 7))
    frequency.update(np.full(1000, 8))
    assert frequency.probability(np.array([7, 8])) == pytest.approx([np.exp(-1), 1 - np.exp(-1)], rel=1e-3)


def test_batches_of_any_size_give_the_same_estimate() -> None:
    stream = keys(np.random.default_rng(1).integers(0, 20, 1000))
    whole, parts = StreamingFrequency(4096, 500), StreamingFrequency(4096, 500)
    whole.update(stream)
    for first in range(0, 1000, 77):
        parts.update(stream[first : first + 77])
    np.testing.assert_allclose(whole.probability(stream), parts.probability(stream))


def test_one_bucket_counts_everybody_and_says_so() -> None:
    frequency = StreamingFrequency(1, MEMORY)
    frequency.update(keys(np.array([0, 1, 2, 3])))
    assert frequency.probability(keys(np.array([0])))[0] == pytest.approx(1)
    assert frequency.collision_rate(keys(np.arange(4))) == 1
    assert frequency.collision_rate(keys(np.arange(1))) == 0


def test_what_is_saved_goes_on_where_it_stopped(tmp_path: Path) -> None:
    stream = keys(np.random.default_rng(3).integers(0, 50, 2000))
    whole, first = StreamingFrequency(4096, 700), StreamingFrequency(4096, 700)
    whole.update(stream)
    first.update(stream[:1200])
    first.save(tmp_path)
    second = StreamingFrequency.load(tmp_path)
    second.update(stream[1200:])
    np.testing.assert_allclose(whole.probability(stream), second.probability(stream))


def test_frequencies_follow_a_popularity_that_shifts() -> None:
    """20,000 videos, watched by a Zipf law; every tenth of the stream each one's share rises or falls by a third, give
    or take. The estimate is held against counts of everything, each occurrence weighted by its age, and against plain
    counts of the newest two memories, in which half of what they know is as old as the other is new."""
    random, num, span = np.random.default_rng(4), 20_000, 2 * MEMORY
    share = 1 / np.arange(1, num + 1)
    stream = []
    for _ in range(10):
        share *= np.exp(random.normal(0, 0.3, num))
        stream.append(random.choice(num, 50_000, p=share / share.sum()))
    videos = np.concatenate(stream)
    frequency = StreamingFrequency(65_536, MEMORY)
    for first in range(0, len(videos), 4096):
        frequency.update(keys(videos[first : first + 4096]))
    weight = np.exp((np.arange(len(videos)) + 1 - len(videos)) / MEMORY)
    weighted, plain = np.bincount(videos, weight, num), np.bincount(videos[-span:], minlength=num)
    often = np.flatnonzero(np.bincount(videos, minlength=num) >= 100)
    often = often[plain[often] >= 100]
    estimated = frequency.probability(keys(often))
    assert len(often) > 150
    assert estimated == pytest.approx(weighted[often] / weight.sum(), rel=0.1)
    error = np.abs(estimated * span / plain[often] - 1)
    assert error.mean() < 0.1
