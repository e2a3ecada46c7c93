"""The corrections of a release fitted again: those that answer now, new ones and none, and which is best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.evaluation.metrics import log_loss
from models.ranking.corrections import NONE, Corrections, Prior, corrections_of
from models.ranking.examples import Examples
from models.ranking.head_refit import FIT, NEWEST, too_few

#: What is promised of n exposures, calibrated, and the exposures.
Part = tuple[NDArray[np.float32], Examples]


@dataclass(frozen=True)
class CorrectionRefit:
    """What became of the corrections.

    Attributes:
      is_refitted: True when others than before are taken.
      reason: why, in one sentence.
      videos: how many videos are corrected from now on.
      old_loss, none_loss, new_loss: weighted mean log loss of the watched head on the newest window, with those that
        answered, without any, with new ones; None when they were not compared.
      calibration: predicted over observed watches on the newest window with what is taken; None likewise.
    """

    is_refitted: bool
    reason: str
    videos: int
    old_loss: float | None = None
    none_loss: float | None = None
    new_loss: float | None = None
    calibration: float | None = None


def refit_corrections(
    settings: Settings, old: Corrections, fit: Part, check: Part
) -> tuple[Corrections, CorrectionRefit]:
    """The corrections that answer from now on, and what became of them.

    Args:
      settings: `ranking.correction_certainty`, `ranking.correction_viral_share`, and how many positives it takes.
      old: those that answer now.
      fit: watches that are promised in the windows that may be fitted to, and their exposures.
      check: the same of the newest window, which decides.
    """
    knobs = settings.ranking
    (promised, examples), (_, newest) = fit, check
    for part, needed, where in (
        (examples, knobs.refit_positives, FIT),
        (newest, knobs.refit_check_positives, NEWEST),
    ):
        positives = int((part.labels["watched"] > 0).sum())
        if positives < needed:
            return old, CorrectionRefit(False, too_few(positives, needed, where), len(old))
    prior = Prior(knobs.correction_certainty, knobs.correction_viral_share)
    new = corrections_of(examples.inputs.video, examples.labels["watched"], promised, examples.weight, prior)
    tried = {"old": old, "none": NONE, "new": new}
    answers = {name: _watched(corrections, *check) for name, corrections in tried.items()}
    losses = {name: _loss(newest, watched) for name, watched in answers.items()}
    # The first of equal ones stays.
    best = min(losses, key=lambda name: losses[name])
    reasons = {
        "old": "no better on the newest window than those it has",
        "none": "better on the newest window without",
        "new": "better on the newest window",
    }
    happened = float((newest.labels["watched"] * newest.weight).sum())
    told = CorrectionRefit(
        is_refitted=best != "old",
        reason=reasons[best],
        videos=len(tried[best]),
        **{f"{name}_loss": loss for name, loss in losses.items()},
        calibration=float((answers[best] * newest.weight).sum()) / happened,
    )
    return tried[best], told


def _watched(corrections: Corrections, promised: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
    return corrections({"watched": promised}, examples.inputs.video)["watched"]


def _loss(examples: Examples, watched: NDArray[np.float32]) -> float:
    return float(np.average(log_loss(examples.labels["watched"] > 0, watched), weights=examples.weight))
