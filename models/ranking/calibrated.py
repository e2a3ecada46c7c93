"""A ranker with the calibrators of its heads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import TARGETS
from homefeed.settings import Settings
from models.progress import Progress
from models.ranking.calibration import Calibrator, calibrate, calibrated, record_of
from models.ranking.examples import Examples
from models.ranking.learning import Learned, learn
from models.ranking.trainer import Trainer
from models.trainers.group import Group


@dataclass(frozen=True)
class CalibratedRanker:
    """A ranker and its calibrators.

    Attributes:
      trainer: holds the network.
      calibrators: by target.
      learned: what its training came to.
      promised: target -> calibrated predictions of validation.
    """

    trainer: Trainer
    calibrators: dict[str, Calibrator]
    learned: Learned
    promised: dict[str, NDArray[np.float32]]

    def heads(self, examples: Examples) -> dict[str, NDArray[np.float32]]:
        """Target -> calibrated predictions [n]."""
        return calibrated(self.trainer.predict(examples), self.calibrators)


def calibrated_ranker(
    settings: Settings,
    train: Examples,
    validation: Examples,
    start: Path | None = None,
    older: Examples | None = None,
    progress: Progress | None = None,
    group: Group | None = None,
) -> CalibratedRanker:
    """Train on `train`; validation chooses the epoch and fits the calibrators. Both hold watched and missed ones.

    Args:
      settings: the settings tree.
      train, validation: exposures.
      start: folder of the training that this one goes on from; None to start anew.
      older: exposures that must not get worse (`learning.learn`).
      progress: notes of the training that are gone on from and written; None for none.
      group: trainers that learn it together; None is this one alone.
    """
    tf.keras.utils.set_random_seed(settings.seed)
    trainer = Trainer(settings, train, start, group)
    learned = learn(trainer, train, validation, older, settings.ranking.max_older_ne_ratio, progress)
    raw = trainer.predict(validation)
    calibrators = {
        target: calibrate(
            raw[:, column], validation.labels[target], settings.ranking, is_probability=target != "watch_s"
        )
        for column, target in enumerate(TARGETS)
    }
    return CalibratedRanker(trainer, calibrators, learned, calibrated(raw, calibrators))


def newest(examples: Examples, most: int) -> Examples:
    """The last `most` of examples in order of time."""
    return examples.take(slice(max(0, len(examples) - most), None))


def save_calibrators(folder: Path, calibrators: Mapping[str, Calibrator]) -> None:
    """Write `calibrators.json`."""
    (folder / "calibrators.json").write_text(json.dumps(record_of(calibrators), indent=2))
