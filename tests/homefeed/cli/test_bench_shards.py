"""What `homefeed bench shards` says of a query: its list, its time, and its slowest shard's."""

import numpy as np
import pytest

from homefeed.cli.bench import shards
from serving.metrics import SHARD_SECONDS


def test_a_query_has_the_slowest_of_its_own_shards() -> None:
    took_s = iter([0.25, 0.5] * shards._ROUNDS)

    def search(query, k):
        """Two of the shards answer; the third place of four is never found."""
        slowest = next(took_s)
        SHARD_SECONDS.labels(shard="0").observe(0.125)
        SHARD_SECONDS.labels(shard="3").observe(slowest)
        return np.array([7, 8, 1, 9]), None

    exact = np.array([[7, 8, 5, 9], [7, 8, 5, 9]])
    found = shards.asked(search, np.zeros((2, 3), np.float32), exact)
    assert found.recall == 0.75
    assert found.slowest_ms.tolist() == pytest.approx([250, 500])
    assert (found.ms > 0).all()
    assert found.ms.shape == found.cpu_ms.shape == (2,)


def test_what_is_wanted_may_be_a_part_of_the_list_and_be_nothing() -> None:
    exact = np.array([[1, 2, 3], [4, 5, 6]])
    found = shards.asked(
        lambda query, k: (exact[0], None), np.zeros((2, 3), np.float32), exact, [np.array([1, 4]), np.array([], int)]
    )
    assert found.recall == 0.5
    assert found.slowest_ms.tolist() == [0, 0]
