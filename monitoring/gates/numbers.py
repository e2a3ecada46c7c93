"""The numbers are numbers, and not all the same."""

import numpy as np

from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look


def numbers(look: Look) -> list[Check]:
    """`finite_scores`: no head or vector is NaN or infinite. `score_spread`: scores differ, as live's do."""
    rows = look.rows
    if not len(rows):
        return [waiting("finite_scores", f"no exposures in windows {look.span[0]}..{look.span[1]}")]
    assert look.candidate.bundle is not None
    heads = look.candidate.heads(rows)
    broken = sum(int((~np.isfinite(head)).sum()) for head in heads.values())
    broken += int((~np.isfinite(look.candidate.bundle.vectors)).any(axis=1).sum())
    finite = Check(
        "finite_scores",
        Verdict.FAIL if broken else Verdict.PASS,
        value=float(broken),
        bound=0.0,
        num_samples=len(rows),
        detail="predictions and vectors that are not finite numbers",
    )
    if broken:
        return [finite]
    score = look.candidate.score(rows)
    spread = float(np.std(score))
    against = float(np.std(look.rival.score(rows))) if look.rival is not None and look.rival.bundle is not None else 0.0
    bound = look.settings.rollout.min_spread * against
    # A constant is a constant up to the rounding of 32-bit sums.
    constant = spread <= 1e-6 * max(1e-6, float(np.abs(score).max()))
    return [
        finite,
        Check(
            "score_spread",
            Verdict.FAIL if constant or spread < bound else Verdict.PASS,
            value=spread,
            bound=bound,
            num_samples=len(rows),
            detail="standard deviation of the scores, against a share of live's",
        ),
    ]
