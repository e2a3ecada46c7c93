"""A training that is killed goes on from its notes and comes to the same weights."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from homefeed.cli.bench.made_exposures import made_exposures
from homefeed.settings import Settings, load
from homefeed.settings.ranking import RankingSettings
from models.progress import Place, Progress
from models.ranking.examples import Examples
from models.ranking.trainer import Trainer

SEED = 5


def notes(folder: Path, made_from: str = "a", version: int = 3, every: int = 4) -> Progress:
    return Progress(folder / "notes", made_from, {"exposures": version}, every)


def test_without_notes_nothing_was_begun(tmp_path: Path) -> None:
    progress = notes(tmp_path)
    assert progress.steps() == 0
    assert progress.load(Place) is None
    assert progress.versions == {"exposures": 3}


def test_notes_keep_the_versions_that_the_training_began_with(tmp_path: Path) -> None:
    place = Place(passes=1, steps=4, history=[0.9], random=dict(np.random.default_rng(SEED).bit_generator.state))
    notes(tmp_path).save(place, 14, [("weight_0", np.arange(3))])
    later = notes(tmp_path, version=8)
    assert later.versions == {"exposures": 3}
    assert later.steps() == 14
    found = later.load(Place)
    assert found is not None
    assert found[0] == place
    with found[1] as arrays:
        assert arrays["weight_0"].tolist() == [0, 1, 2]


def test_notes_of_other_settings_do_not_count_and_those_of_what_is_published_are_gone(tmp_path: Path) -> None:
    notes(tmp_path).save(Place(), 4, [])
    assert notes(tmp_path, made_from="b").load(Place) is None
    notes(tmp_path).end()
    assert notes(tmp_path).load(Place) is None
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def made() -> tuple[Settings, Examples, Examples]:
    made = made_exposures(1200, SEED)
    knobs = RankingSettings(max_epochs=2, min_steps=10, min_training_steps=20, gate_dropout=0.1)
    return load(ranking=knobs, seed=SEED), made.take(slice(0, 1000)), made.take(slice(1000, None))


class KilledError(Exception):
    pass


@pytest.mark.parametrize("kill_at", [1, 3])
def test_a_training_that_is_killed_comes_to_the_same_weights(
    made: tuple[Settings, Examples, Examples], tmp_path: Path, kill_at: int
) -> None:
    """Ten steps in each of two passes, noted after the fourth and the eighth of each; killed while the second or the
    fourth note is written: it goes on from the note before, in the first pass or in the second."""
    settings, train, validation = made
    undisturbed = fresh(settings, train)
    history = undisturbed.train(train, validation)
    save, taken = Progress.save, []

    def save_or_die(progress: Progress, place: Place, num: int, arrays: object) -> None:
        taken.append(num)
        if len(taken) > kill_at:
            raise KilledError
        save(progress, place, num, arrays)

    with patch.object(Progress, "save", save_or_die), pytest.raises(KilledError):
        fresh(settings, train).train(train, validation, notes(tmp_path))
    assert taken == [4, 8, 14, 18][: kill_at + 1]
    assert notes(tmp_path).steps() == taken[-2]
    again = fresh(settings, train)
    # Two undisturbed trainings differ by as much: a logarithm's last bit depends on where in memory its argument lies.
    assert again.train(train, validation, notes(tmp_path)) == pytest.approx(history, abs=1e-6)
    for one, other in zip(undisturbed.weights(), again.weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def fresh(settings: Settings, train: Examples) -> Trainer:
    import tensorflow as tf

    tf.keras.utils.set_random_seed(settings.seed)
    return Trainer(settings, train)
