"""A table that trainers divide has the rows of the whole one."""

import importlib
from unittest.mock import patch

import numpy as np
import pytest

from models import table as table_module
from models.table import Table
from models.trainers.group import Group
from models.trainers.mesh import Mesh

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")


def divided(rank: int, num: int, owned_rows: int) -> Group:
    group = Group(rank, num)
    group.join(Mesh([], 0.0), owned_rows)
    return group


def drawn(size: int, group: Group) -> Table:
    tf.keras.utils.set_random_seed(3)
    with patch.object(table_module, "_DRAWN", 4):
        table = Table(size, 2, tf.keras.initializers.RandomNormal(stddev=0.05), group)
        table.build(None)
    return table


@pytest.mark.parametrize("num", [2, 3, 7])
def test_trainers_hold_every_row_once_as_it_would_be_drawn_whole(num: int) -> None:
    whole = drawn(11, Group()).embeddings.numpy()
    assert len(np.unique(whole)) == 22
    for rank in range(num):
        np.testing.assert_array_equal(drawn(11, divided(rank, num, 11)).embeddings, whole[rank::num])


def test_tables_are_divided_from_so_many_rows_on_and_nobody_s_part_is_empty() -> None:
    assert not drawn(4, Group()).is_divided
    assert not drawn(4, divided(0, 2, 5)).is_divided
    assert not drawn(4, divided(0, 5, 1)).is_divided
    assert not drawn(4, divided(0, 2, 0)).is_divided
    assert drawn(4, divided(0, 2, 4)).is_divided


def test_codes_are_places_in_what_was_pulled_as_long_as_that_is_read() -> None:
    table, pulled = drawn(4, Group()), tf.constant([[1.0, 2.0], [3.0, 6.0]])
    with table.reading(pulled):
        assert table(tf.constant([1, 1])).numpy().tolist() == [[3, 6], [3, 6]]
        assert table.mean(tf.constant([[0, 1]])).numpy().tolist() == [[2, 4]]
    np.testing.assert_array_equal(table(tf.constant([1])), table.embeddings[1:2])
    np.testing.assert_allclose(table.mean(tf.constant([[0, 1]]))[0], np.mean(table.embeddings[:2], axis=0), rtol=1e-6)
