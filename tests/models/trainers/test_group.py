"""Trainers that learn together learn what one alone learns."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import small_trainer
from team import Team

from models.trainers.group import Group

tf = importlib.import_module("tensorflow")
KEYS = np.random.default_rng(5).integers(0, 7, 240) ** 2


def team(folder: Path, mode: str, num: int = 2) -> Team:
    return Team(folder, small_trainer.__file__, mode, num=num, keys=KEYS.tolist())


def test_one_alone_exchanges_nothing_and_learns_whole_batches() -> None:
    slope = tf.ones([2])
    loss, slopes = Group().total(tf.constant(3.0), [slope])
    assert float(loss) == 3
    assert slopes[0] is slope
    assert Group().whole([slope], [2])[0] is slope
    np.testing.assert_array_equal(Group().share(small_trainer.ORDER), small_trainer.ORDER)


def test_every_row_of_a_batch_is_one_trainer_s() -> None:
    parts = [Group(rank, 3).share(np.arange(12).reshape(2, 6)) for rank in range(3)]
    assert [part[0].tolist() for part in parts] == [[0, 3], [1, 4], [2, 5]]


def test_two_learn_what_one_learns_from_the_same_batches_and_have_the_same_bits(tmp_path: Path) -> None:
    two = team(tmp_path, "learn")
    assert [code for code, _ in two.ended()] == [0, 0]
    alone = small_trainer.learned(Group(), KEYS)
    for one, first, second in zip(alone, two.weights(0), two.weights(1), strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, one, atol=2e-5)
    assert alone[-1][-1] < 0.5 * alone[-1][0]


@pytest.mark.parametrize("num", [2, 3])
def test_trainers_that_divide_the_tables_learn_what_one_learns(tmp_path: Path, num: int) -> None:
    """The chief puts the tables together; the others have parts of the rows, and only the line to tell."""
    some = team(tmp_path, "owned", num)
    assert [code for code, _ in some.ended()] == [0] * num
    first, line, second, losses = some.weights(0)
    for one, other in zip(small_trainer.learned(Group(), KEYS), (first, line, second, losses), strict=True):
        np.testing.assert_allclose(other, one, atol=2e-5)
    np.testing.assert_array_equal(some.weights(num - 1)[0], line)


def test_trainers_whose_weights_differ_do_not_begin(tmp_path: Path) -> None:
    for code, said in team(tmp_path, "differ").ended():
        assert code == 2
        assert "before the first step the weights of trainer" in said


def test_one_that_is_killed_ends_the_other_s_step_at_once(tmp_path: Path) -> None:
    (code, said), (killed, _) = team(tmp_path, "die").ended()
    assert killed == -9
    assert code == 2
    assert "UnavailableError" in said or "AbortedError" in said
