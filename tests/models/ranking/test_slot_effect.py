"""What the ranker promises for the first slots, where nothing but the slot decides what is watched."""

from dataclasses import replace

import numpy as np
import pytest

from homefeed.features import TARGETS
from homefeed.settings import Settings
from models.ranking.examples import Examples
from models.ranking.trainer import Trainer
from tests.models.ranking.test_exposure_slices import examples

pytestmark = pytest.mark.slow


def alike() -> Examples:
    """4,000 exposures that differ in their slot: of 400 in slot 0 three in ten are watched, of 3,600 in slot 60 one."""
    rows = examples().take(np.zeros(4000, int))
    slot = np.where(np.arange(4000) % 10 == 0, 0, 60).astype(np.int32)
    watched = (np.arange(4000) // 10 % 10 < np.where(slot == 0, 3, 1)).astype(np.float32)
    zero = np.zeros(4000, np.float32)
    labels = {**dict.fromkeys(TARGETS, zero), "watched": watched, "watch_s": 10 * watched, "completion": watched}
    return replace(rows, inputs=replace(rows.inputs, slot=slot), labels=labels)


def test_the_first_slot_promises_what_happens_there(settings: Settings) -> None:
    """A pull of the slot's effect towards nothing left it far too low."""
    knobs = settings.ranking.model_copy(update={"negative_rate": 1.0, "slot_dropout": 0.0, "min_training_steps": 1200})
    own, rows = settings.model_copy(update={"ranking": knobs}), alike()
    trainer = Trainer(own, rows)
    trainer.train(rows, rows)
    promised = trainer.predict(rows)[:, TARGETS.index("watched")]
    first = rows.inputs.slot == 0
    assert promised[first].mean() == pytest.approx(0.3, abs=0.04)
    assert promised[~first].mean() == pytest.approx(0.1, abs=0.02)
