"""Buckets: the same for one viewer and for a column of them, uniform, and independent between salts."""

import numpy as np
import pyarrow as pa
import pytest

from homefeed import ids
from homefeed.buckets import bucket, buckets


def test_no_viewer_has_no_bucket() -> None:
    assert buckets("s", np.zeros(0, np.int64)).shape == (0,)


def test_a_column_gives_what_each_viewer_gets() -> None:
    names = ["viewer-1", "viewer-2", "ü"]
    keys = ids.keys(pa.array(names)).to_numpy()
    assert buckets("layer x'", keys).tolist() == [bucket("layer x'", name) for name in names]


def test_they_are_uniform_and_salts_are_independent() -> None:
    keys = ids.keys(pa.array([f"viewer-{i}" for i in range(20_000)])).to_numpy()
    first, second = buckets("a", keys), buckets("b", keys)
    assert np.histogram(first, 10, (0, 1))[0] / 2_000 == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
