import numpy as np
import pyarrow as pa
import pytest

from serving.texts import Coded, TextLists, Texts

TITLES = ["Brot", None, "Café 🍞", "", "x" * 300]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_strings_of_rows_in_any_order(kind):
    texts = Texts(pa.chunked_array([pa.array(TITLES[:2], kind), pa.array(TITLES[2:], kind)]))
    assert texts.at(np.array([4, 2, 2, 0])) == ["x" * 300, "Café 🍞", "Café 🍞", "Brot"]
    assert texts.at(np.array([1, 3])) == ["", ""]
    assert texts.at(np.array([], np.int64)) == []


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_strings_of_a_part_of_a_column(kind):
    assert Texts(pa.chunked_array([pa.array(TITLES, kind).slice(2, 2)])).at(np.array([1, 0])) == ["", "Café 🍞"]


def test_a_column_without_rows():
    assert Texts(pa.chunked_array([], pa.string())).at(np.array([], np.int64)) == []
    assert TextLists(pa.chunked_array([], pa.list_(pa.string()))).at(np.array([], np.int64)) == []
    assert len(Coded(pa.chunked_array([], pa.string()))) == 0


def test_lists_of_rows():
    lists = [["cooking", "bread"], None, [], ["bread", None]]
    column = pa.chunked_array([pa.array(lists[:1], pa.list_(pa.string())), pa.array(lists[1:], pa.list_(pa.string()))])
    assert TextLists(column).at(np.array([3, 0, 1, 2])) == [["bread", ""], ["cooking", "bread"], [], []]
    part = TextLists(pa.chunked_array([column.combine_chunks().slice(2, 2)]))
    assert part.at(np.array([1, 0])) == [["bread", ""], []]


def test_equal_strings_are_one_object():
    column = Coded(pa.chunked_array([["a", "b"], ["a", None]]))
    assert len(column) == 4
    names = column[:]
    assert names.tolist() == ["a", "b", "a", ""]
    assert names[0] is names[2]
    assert column[np.array([3, 1])].tolist() == ["", "b"]
    assert column[np.array([], np.int64)].tolist() == []
