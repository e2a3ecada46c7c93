"""Trainers that divide the tables of the ranker come to the training of those that do not."""

from pathlib import Path

import numpy as np
import pytest
import small_ranker
from team import Team

from models.checkpoint import FILE
from models.ranking.statistics import load_statistics
from models.ranking.trainer import Trainer
from models.trainers.group import Group
from models.trainers.mesh import Mesh

pytestmark = pytest.mark.slow


def checkpoint(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / FILE) as saved:
        return {name: saved[name] for name in saved.files}


def same(folder: Path, other: Path) -> None:
    """Weights, moments and steps, up to rounding."""
    found, expected = checkpoint(folder), checkpoint(other)
    assert list(found) == list(expected)
    for name, one in found.items():
        np.testing.assert_allclose(one, expected[name], atol=2e-5, err_msg=name)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One trainer: a training anew, and one that goes on from it."""
    folder = tmp_path_factory.mktemp("alone")
    small_ranker.trained(folder / "anew", Group())
    learned = small_ranker.trained(folder / "hour", Group(), folder / "anew")
    assert learned is not None
    assert 0 < learned.older_ne_ratio < 10
    first, second = (len(load_statistics(folder / name).videos) for name in ("anew", "hour"))
    assert second > first > small_ranker.OWNED_ROWS
    return folder


def run(folder: Path, mode: str) -> list[tuple[int, str]]:
    return Team(folder, small_ranker.__file__, mode, out=str(folder)).ended()


@pytest.mark.parametrize("mode", ["whole", "owned"])
def test_two_come_to_what_one_does_and_go_on_from_it_with_new_videos(tmp_path: Path, alone: Path, mode: str) -> None:
    assert [code for code, _ in run(tmp_path, mode)] == [0, 0]
    for name in ("anew", "hour"):
        same(tmp_path / name, alone / name)


def test_when_one_is_lost_another_number_goes_on_from_the_notes(tmp_path: Path, alone: Path) -> None:
    (code, _), (killed, _) = run(tmp_path, "die")
    assert (code, killed) == (2, -9)
    assert (tmp_path / "anew.progress" / "progress.npz").exists()
    small_ranker.trained(tmp_path / "anew", Group())
    same(tmp_path / "anew", alone / "anew")


def test_without_a_folder_to_put_them_together_tables_are_not_divided() -> None:
    group = Group(0, 2)
    group.join(Mesh([], 0.0), 1)
    train, validation, _ = small_ranker.parts(is_hour=False)
    with pytest.raises(ValueError, match="give `progress`"):
        Trainer(small_ranker.SETTINGS, train, group=group).train(train, validation)
