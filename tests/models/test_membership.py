import numpy as np
import pytest

from models.membership import among, distinct, places, positions

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


def test_many_keys_at_once_and_only_one_to_find_them_in():
    keys = np.arange(0, 9000, 3)
    assert places(keys, np.arange(5000)).tolist() == [k // 3 if k % 3 == 0 else -1 for k in range(5000)]
    assert places(np.array([4]), np.array([3, 4, 5])).tolist() == [-1, 0, -1]


def test_positions_are_the_first_in_any_order():
    few = np.array([9, 0, -7, 9, 2**62])
    assert positions(few, np.array([9, -7, 8, 0, 2**62, 9])).tolist() == [0, 2, -1, 1, 4, 0]
    assert positions(NONE, np.array([1, 0])).tolist() == [-1, -1]
    assert positions(few, NONE).tolist() == []
    # Neighbours, as rows are, and keys that differ in their upper half alone.
    for keys in (np.arange(1000), np.arange(1000) << 32, np.arange(1000) << 53):
        assert positions(keys, keys[::-1]).tolist() == list(range(1000))[::-1]


def test_each_key_is_kept_where_it_is_first():
    assert distinct(np.array([5, 3, 5, 0, 3, 7])).tolist() == [0, 1, 3, 5]
    assert distinct(NONE).tolist() == []
