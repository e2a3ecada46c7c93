"""What is promised is what happens."""

from homefeed.verdict import Check, Verdict
from models.evaluation import viewer_bootstrap
from monitoring.decision import waiting
from monitoring.look import Look


def calibration(look: Look) -> list[Check]:
    """`calibration`: predicted over observed watches; fails when the whole interval is outside the bounds."""
    rows, knobs = look.rows, look.settings.rollout
    if too_few := look.too_few():
        return [waiting("calibration", too_few, len(rows))]
    predicted = look.candidate.heads(look.rows)["watched"] * rows.weight
    # Observed over predicted: a resample without a single watch then still has a ratio.
    ratio = viewer_bootstrap(
        rows.users, rows.watched * rows.weight, predicted, seed=look.settings.seed, confidence=knobs.confidence
    )
    value, low, high = 1 / ratio.estimate, 1 / ratio.high, 1 / max(ratio.low, 1e-9)
    verdict = Verdict.FAIL if high < knobs.min_calibration or low > knobs.max_calibration else Verdict.PASS
    bound = knobs.min_calibration if value < 1 else knobs.max_calibration
    return [
        Check(
            "calibration",
            verdict,
            value=value,
            bound=bound,
            interval=(low, high),
            num_samples=ratio.num_viewers,
            detail=f"predicted over observed watches, within {knobs.min_calibration:g}..{knobs.max_calibration:g}",
        )
    ]
