"""Trainers that learn the towers together come to what one alone comes to, and so does one that was interrupted."""

from pathlib import Path

import numpy as np
import pytest
import small_towers
from team import Team

from models.progress import Progress
from models.trainers.group import Group

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone() -> dict[str, list[np.ndarray]]:
    return {loss: small_towers.trained(loss, Group()) for loss in small_towers.LOSSES}


def same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """Weights, losses and what validation said, up to rounding."""
    *weights, losses, said = (np.abs(one - other) for one, other in zip(found, expected, strict=True))
    # Adam makes steps of what is left of a slope that rounding alone keeps from being zero.
    differences = np.concatenate([part.ravel() for part in weights])
    assert np.quantile(differences, 0.999) < 1e-5
    assert differences.max() < 1e-3
    assert losses.max() < 1e-4
    # One watch of a hundred, at most.
    assert said.max() < 0.02


def test_two_come_to_what_one_does_and_have_the_same_bits(tmp_path: Path, alone: dict[str, list[np.ndarray]]) -> None:
    two = Team(tmp_path, small_towers.__file__, "learn")
    assert [code for code, _ in two.ended()] == [0, 0]
    num = len(alone["sampled"])
    for first, second in zip(two.weights(0), two.weights(1), strict=True):
        np.testing.assert_array_equal(first, second)
    for number, loss in enumerate(small_towers.LOSSES):
        same(two.weights(0)[number * num : (number + 1) * num], alone[loss])
        losses = alone[loss][-2]
        assert losses[1] < losses[0]


@pytest.mark.parametrize("steps", [6, 25])
def test_one_that_was_interrupted_goes_on_from_its_notes(
    tmp_path: Path, alone: dict[str, list[np.ndarray]], steps: int
) -> None:
    """In the first pass, and in the one over the newest watches."""
    notes = Progress(tmp_path / "notes", "", {}, every=4)
    with pytest.raises(InterruptedError):
        small_towers.trained("sampled", Group(), notes, dies_after=steps)
    assert 0 < notes.steps() <= steps
    same(small_towers.trained("sampled", Group(), notes), alone["sampled"])
