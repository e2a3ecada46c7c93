"""One head of a release fitted again: what answers now, what is tried, and which is best on the newest window."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.evaluation.metrics import log_loss
from models.ranking.calibration import Calibrator, calibrate
from models.ranking.examples import Examples

#: Standard errors to either side of the interval of a ratio: seven heads are looked at in every window.
_ERRORS = 3.0


#: Where positives are counted.
FIT, NEWEST = "the windows of the fit", "the newest window"


@dataclass(frozen=True)
class HeadRefit:
    """What became of one head.

    Attributes:
      is_refitted: True when the new calibrator is taken.
      reason: why, in one sentence.
      positives, check_positives: in the windows of the fit, and in the newest one.
      old_loss, new_loss: on the newest window, weighted: log loss, for seconds squared error; None when not fitted.
      old_calibration, new_calibration: predicted over observed on the newest window; None with too few positives there.
      old_low, old_high: interval of `old_calibration` by viewer, of three standard errors; None where it has none.
      fitted_windows: newest windows before the newest one that the new calibrator was fitted to.
    """

    is_refitted: bool
    reason: str
    positives: int
    check_positives: int
    old_loss: float | None = None
    new_loss: float | None = None
    old_calibration: float | None = None
    new_calibration: float | None = None
    old_low: float | None = None
    old_high: float | None = None
    fitted_windows: int | None = None


def refit_head(
    settings: Settings,
    target: str,
    old: Calibrator,
    fit: tuple[NDArray[np.float32], Examples],
    ages: NDArray[np.int64],
    check: tuple[NDArray[np.float32], Examples],
) -> tuple[Calibrator, HeadRefit]:
    """The calibrator that a head answers with from now on, and what became of it.

    Args:
      settings: `ranking.refit_positives`, `ranking.refit_check_positives` and the kinds of calibrators.
      target: the head.
      old: the calibrator that answers now.
      fit: its predictions [n] before any calibrator, and the exposures, of the windows that may be fitted to.
      ages: [n] how many windows each of them lies before the newest one.
      check: the same of the newest window, which decides.
    """
    answered = _measured(old, target, *check)
    standing = _standing(settings, target, fit[1], check[1], answered)
    if standing.reason:
        return old, standing
    spans = _spans(settings, target, fit[1], ages, answered)
    tried = [(num, _fitted(settings, target, *fit, ages <= num)) for num in spans]
    return _best(target, old, tried, *check, standing)


def too_few(positives: int, needed: int, where: str) -> str:
    """Why nothing is fitted."""
    return f"{positives} of the {needed} positives it takes in {where}"


@dataclass(frozen=True)
class _Answer:
    """What a calibrator makes of the newest window: mean loss, and predicted over observed with its interval."""

    loss: float
    ratio: float
    low: float | None
    high: float | None

    @property
    def is_off(self) -> bool:
        """Whether it is off beyond chance."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def _measured(calibrator: Calibrator, target: str, raw: NDArray[np.float32], check: Examples) -> _Answer | None:
    """None without a positive."""
    known = np.isfinite(check.labels[target]) & np.isfinite(raw)
    observed, weight = check.labels[target][known].astype(np.float64), check.weight[known].astype(np.float64)
    happened = float((observed * weight).sum())
    if not happened:
        return None
    promised = calibrator(raw[known])
    ratio = float((promised * weight).sum()) / happened
    # By viewer, whose exposures stand and fall together: the ratio's own linearisation (Cochran 1977, section 6.3).
    off = np.bincount(np.unique(check.users[known], return_inverse=True)[1], weight * (promised - ratio * observed))
    error = float(np.sqrt((off**2).sum())) / happened
    bounds = (ratio - _ERRORS * error, ratio + _ERRORS * error) if len(off) > 1 else (None, None)
    losses = _losses(target, check.labels[target][known], promised)
    return _Answer(float(np.average(losses, weights=weight)), ratio, *bounds)


def _standing(settings: Settings, target: str, fit: Examples, check: Examples, answered: _Answer | None) -> HeadRefit:
    """How a head stands before anything is fitted; with a reason when nothing can be."""
    knobs = settings.ranking
    positives, check_positives = (int((part.labels[target] > 0).sum()) for part in (fit, check))
    reason = ""
    if positives < knobs.refit_positives:
        reason = too_few(positives, knobs.refit_positives, FIT)
    if answered is None or check_positives < knobs.refit_check_positives:
        reason = reason or too_few(check_positives, knobs.refit_check_positives, NEWEST)
        return HeadRefit(False, reason, positives, check_positives)
    return HeadRefit(
        False,
        reason,
        positives,
        check_positives,
        old_loss=answered.loss,
        old_calibration=answered.ratio,
        old_low=answered.low,
        old_high=answered.high,
    )


def _spans(
    settings: Settings, target: str, fit: Examples, ages: NDArray[np.int64], answered: _Answer | None
) -> list[int]:
    """Of how many of the newest windows a calibrator is tried: of all; and when the head is off, of as few as hold
    `ranking.refit_positives`, since what has changed is in these alone."""
    every = int(ages.max(initial=1))
    if answered is None or not answered.is_off:
        return [every]
    positives = np.bincount(ages[fit.labels[target] > 0], minlength=every + 1)
    few = int(np.searchsorted(np.cumsum(positives), settings.ranking.refit_positives))
    return sorted({max(few, 1), every})


def _fitted(
    settings: Settings, target: str, raw: NDArray[np.float32], fit: Examples, kept: NDArray[np.bool_]
) -> Calibrator:
    labels, is_probability = fit.labels[target][kept], target != "watch_s"
    return calibrate(raw[kept], labels, settings.ranking, is_probability, weight=fit.weight[kept])


def _best(
    target: str,
    old: Calibrator,
    tried: list[tuple[int, Calibrator]],
    raw: NDArray[np.float32],
    check: Examples,
    standing: HeadRefit,
) -> tuple[Calibrator, HeadRefit]:
    """The calibrator of a head that is best on `check`, the old one among them, and what became of the head.

    Args:
      target: the head.
      old: the calibrator that answers now.
      tried: number of windows, and the calibrator that was fitted to them.
      raw: [n] of `check` before any calibrator.
      check: the newest window, with a positive.
      standing: the head before this.
    """
    answers = [(answer, *new) for new in tried if (answer := _measured(new[1], target, raw, check)) is not None]
    answer, num, fitted = min(answers, key=lambda found: (found[0].loss, found[1]))
    is_better = standing.old_loss is not None and answer.loss < standing.old_loss
    told = replace(
        standing,
        is_refitted=is_better,
        reason="better on the newest window" if is_better else "no better on the newest window than the one it has",
        new_loss=answer.loss,
        new_calibration=answer.ratio,
        fitted_windows=num,
    )
    return (fitted if is_better else old), told


def _losses(target: str, observed: NDArray[np.float32], p: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n] of each exposure; a label may be a share, as completion is."""
    if target == "watch_s":
        return np.asarray((observed.astype(np.float64) - p) ** 2)
    one, zero = (log_loss(np.full(len(p), label), p) for label in (True, False))
    return np.asarray(observed * one + (1 - observed) * zero, np.float64)
