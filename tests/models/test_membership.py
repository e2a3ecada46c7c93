import numpy as np
import pytest

from models.membership import among, places

KEYS = np.array([-7, 2, 5, 9])
NONE = np.zeros(0, np.int64)


def test_nothing_is_in_no_keys_and_nothing_is_asked_of_some():
    assert places(NONE, np.array([1, 2])).tolist() == [-1, -1]
    assert places(KEYS, NONE).shape == (0,)
    assert among(KEYS, NONE).tolist() == [False] * 4


@pytest.mark.parametrize("few", [[5], [5, -7], [-7, 5, 5]])
def test_the_keys_that_are_among_a_few(few):
    assert among(KEYS, np.array(few)).tolist() == [-7 in few, False, True, False]


def test_each_key_has_the_place_where_it_is_in_any_order_and_as_often_as_it_is_asked():
    # 10 is behind the last key, -8 before the first, 3 between two.
    assert places(KEYS, np.array([9, 3, -7, 10, 9, -8, 2])).tolist() == [3, -1, 0, -1, 3, -1, 1]
    assert places(KEYS, np.array([[5, 0], [2, -7]])).tolist() == [[2, -1], [1, 0]]
