import io

import numpy as np
import pytest

from models.bundle.arrays import read_array


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.array(7, np.int64),
        np.arange(12, dtype=np.int32).reshape(3, 4),
        # Of more than one part.
        np.arange(300_000, dtype=np.float64),
    ],
)
def test_it_is_what_was_written_and_the_next_one_follows(array: np.ndarray) -> None:
    file, rests = io.BytesIO(), []
    np.save(file, array)
    np.save(file, np.array([1, 2]))
    file.seek(0)
    found = read_array(file, lambda: rests.append(None))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)
    assert len(rests) == -(-array.nbytes // 2**20)
    assert read_array(file).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("array", "cut", "why"),
    [
        (np.arange(100), 8, "8 bytes of an array are missing"),
        (np.array([[1, 2], [3, 4]], order="F"), 0, "does not lie as it is read"),
        (np.array(["a", None], object), 0, "object"),
    ],
)
def test_what_is_no_whole_array_of_numbers_is_refused(array: np.ndarray, cut: int, why: str) -> None:
    file = io.BytesIO()
    np.save(file, array)
    content = file.getvalue()
    with pytest.raises(ValueError, match=why):
        read_array(io.BytesIO(content[: len(content) - cut]))
