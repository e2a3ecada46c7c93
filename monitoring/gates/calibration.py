"""G9: what is promised is what happens."""

import numpy as np
from numpy.typing import NDArray

from homefeed.verdict import Check, Verdict
from models.evaluation import viewer_bootstrap
from monitoring.calibration_error import calibration_error, null_errors
from monitoring.decision import waiting
from monitoring.evidence import REACTIONS
from monitoring.look import Look

#: Quantile of the null that the error is held against.
_NULL_QUANTILE = 0.99


def calibration(look: Look) -> list[Check]:
    """`calibration` and `calibration_error` of the watched head; `<head>_calibration` and `<head>_calibration_error` of
    the others in which enough happened: where too little did, nothing can be said, and the head is not named.

    The confidence is that of all heads together (Bonferroni), and the interval is that of both the exposures here and
    those that the calibrator was fitted to: a head that is as right as its calibrator could be is not stopped.
    """
    rows, knobs = look.rows, look.settings.rollout
    if too_few := look.too_few():
        return [waiting(name, too_few, len(rows)) for name in ("calibration", "calibration_error")]
    reactions = [target for target in REACTIONS if rows.reactions[target].sum() >= knobs.min_reaction_positives]
    confidence = 1 - (1 - knobs.confidence) / (1 + len(reactions))
    missed = np.full(len(rows), rows.weight.max(initial=1.0), np.float64)
    checks = _head(look, "watched", rows.watched, missed, confidence)
    # Every watched exposure is read, so one that was watched and not liked stands for itself.
    kept = np.where(rows.watched, 1.0, missed)
    for target in reactions:
        checks += _head(look, target, rows.reactions[target], kept, confidence)
    return checks


def _head(
    look: Look, target: str, observed: NDArray[np.bool_], missed_weight: NDArray[np.float64], confidence: float
) -> list[Check]:
    prefix = "" if target == "watched" else f"{target}_"
    predicted = look.candidate.heads(look.rows)[target]
    fitted_to = look.candidate.fitted_to(target)
    return [
        _ratio(look, f"{prefix}calibration", predicted, observed, confidence, fitted_to),
        _error(look, f"{prefix}calibration_error", predicted, observed, missed_weight),
    ]


def _ratio(
    look: Look,
    name: str,
    predicted: NDArray[np.float32],
    observed: NDArray[np.bool_],
    confidence: float,
    fitted_to: int,
) -> Check:
    """Predicted over observed: passes when the whole interval is within the bounds, fails when it is outside."""
    rows, knobs, positives = look.rows, look.settings.rollout, int(observed.sum())
    # Observed over predicted: a resample without a positive then still has a ratio.
    ratio = viewer_bootstrap(
        rows.users,
        observed * rows.weight,
        predicted * rows.weight,
        seed=look.settings.seed,
        confidence=confidence,
    )
    value, low, high = 1 / ratio.estimate, 1 / ratio.high, 1 / max(ratio.low, 1e-9)
    if fitted_to and value > 0:
        # What the calibrator was fitted to is as uncertain as these exposures are, positive for positive.
        wider = float(np.sqrt(1 + positives / fitted_to))
        low, high = value * (low / value) ** wider, value * (high / value) ** wider
    least, most = knobs.min_calibration, knobs.max_calibration
    if high < least or low > most:
        verdict, why = Verdict.FAIL, "outside, beyond chance"
    elif low >= least and high <= most:
        verdict, why = Verdict.PASS, "within, beyond chance"
    elif look.is_patient:
        verdict, why = Verdict.WAIT, "undecided"
    else:
        verdict, why = Verdict.PASS, "not shown to be outside"
    return Check(
        name,
        verdict,
        value=value,
        bound=least if value < 1 else most,
        interval=(low, high),
        num_samples=ratio.num_viewers,
        detail=f"predicted over observed, {positives} positives, within {least:g}..{most:g}: {why}",
    )


def _error(
    look: Look,
    name: str,
    predicted: NDArray[np.float32],
    observed: NDArray[np.bool_],
    missed_weight: NDArray[np.float64],
) -> Check:
    """Expected calibration error against what a perfectly calibrated head would show on these exposures."""
    rows, settings = look.rows, look.settings
    error, groups = calibration_error(predicted, observed, rows.weight, settings.monitoring.reliability_bins)
    null = float(np.quantile(null_errors(predicted, missed_weight, groups, seed=settings.seed), _NULL_QUANTILE))
    bound = null + settings.rollout.ece_slack
    return Check(
        name,
        Verdict.PASS if error <= bound else Verdict.FAIL,
        value=error,
        bound=bound,
        num_samples=len(rows),
        detail=f"expected calibration error; by chance alone it stays below {null:.4f} in 99 of 100 cases",
    )
