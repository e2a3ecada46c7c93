"""What a training learned, and whether the hour before paid for it."""

from dataclasses import dataclass

import numpy as np

from models.progress import Progress
from models.ranking.examples import Examples
from models.ranking.trainer import Trainer


@dataclass(frozen=True)
class Learned:
    """What a training came to.

    Attributes:
      history: normalised entropy on validation by pass, that of the weights it went on from first if there were any.
      kept: pass whose weights were kept; 0 is none.
      older_ne_ratio: normalised entropy of the hour before after learning, over that before; NaN when it started anew.
      is_refused: whether that was too much, and the weights are those from before learning.
    """

    history: list[float]
    kept: int
    older_ne_ratio: float
    is_refused: bool

    @property
    def validation_ne(self) -> float:
        """Normalised entropy on validation of the weights that were kept."""
        return self.history[0] if self.is_refused else min(self.history)


def learn(
    trainer: Trainer,
    train: Examples,
    validation: Examples,
    older: Examples | None,
    max_older_ne_ratio: float,
    progress: Progress | None = None,
) -> Learned:
    """Train, from the notes of `progress` if there are any.

    With `older` exposures, which were learned before and are not in `train`, the weights are put back when their
    normalised entropy grew by more than a factor of `max_older_ne_ratio`.
    """
    if older is None:
        history = trainer.train(train, validation, progress)
        return Learned(history, int(np.argmin(history)) + 1, float("nan"), False)
    entropy = trainer.entropy(older)
    history = trainer.train(train, validation, progress)
    ratio = trainer.entropy(older) / entropy
    is_refused = ratio > max_older_ne_ratio
    if is_refused:
        trainer.restart()
    return Learned(history, 0 if is_refused else int(np.argmin(history)), ratio, bool(is_refused))
