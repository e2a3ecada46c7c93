"""G8: better on the whole is not enough: no slice of viewers or videos pays for it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.verdict import Check, Verdict
from models.evaluation.metrics import log_loss
from monitoring.decision import waiting
from monitoring.look import Look
from monitoring.slices import guarded_slices


@dataclass(frozen=True)
class Harm:
    """How much worse than live the normalised entropy of one slice is, relative.

    Attributes:
      estimate: above 0 is worse.
      error: standard deviation of the estimate.
      num_viewers: viewers of the slice.
    """

    estimate: float
    error: float
    num_viewers: int


def slices(look: Look) -> list[Check]:
    """`slices`, and `slice_<name>` of each slice that is judged or waits for viewers; nothing when nothing is live.

    A slice fails when its harm is surely above `rollout.slice_margin`: one-sided tests, Holm's correction over all
    slices that have viewers enough. One with too few viewers waits, and so does one whose upper bound is not below the
    margin yet. After `rollout.undecided_wait_s` neither holds the release: the small one is named in `slices` as not
    judged, the other passes as not shown to be harmed. While no slice at all has viewers enough, `slices` waits.
    """
    rival = look.rival
    if rival is None or rival.bundle is None:
        return []
    if too_few := look.too_few():
        return [waiting("slices", too_few, len(look.rows))]
    rows, knobs = look.rows, look.settings.rollout
    # At one observed rate for all: whether a release's own rate is right, G9 says.
    mine, theirs = (
        log_loss(rows.watched, rows.at_observed_rate(side.heads(rows)["watched"])) * rows.weight
        for side in (look.candidate, rival)
    )
    harms = {
        part.name: harm_of(rows.users[part.mask], mine[part.mask], theirs[part.mask])
        for part in guarded_slices(rows, look.settings.serving.new_impressions)
        if part.mask.any()
    }
    judged = {name: harm for name, harm in harms.items() if harm.num_viewers >= knobs.min_slice_viewers}
    small = {name: harm.num_viewers for name, harm in harms.items() if name not in judged}
    if not judged:
        most = max(small.values(), default=0)
        return [waiting("slices", f"{most} of the {knobs.min_slice_viewers} viewers a slice takes", most)]
    checks = _judged(look, judged)
    if look.is_patient:
        checks += [
            waiting(f"slice_{name}", f"{num} of the {knobs.min_slice_viewers} viewers a slice takes", num)
            for name, num in small.items()
        ]
    return [_summary(checks, judged, small, knobs.slice_margin), *checks]


def harm_of(viewers: NDArray[np.int64], mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> Harm:
    """Sum of my losses [n] over that of theirs [n], less 1, with the viewer as the unit.

    Source: delta method for ratios of clustered sums, Deng, Knoblich and Lu 2018, section 3.
    """
    distinct, codes = np.unique(viewers, return_inverse=True)
    num = len(distinct)
    gap, base = (np.bincount(codes, column, num) for column in (mine - theirs, theirs))
    total = float(base.sum())
    if num < 2 or total <= 0:
        return Harm(math.nan, math.inf, num)
    estimate = float(gap.sum()) / total
    residuals = gap - estimate * base
    error = math.sqrt(num / (num - 1) * float(residuals @ residuals)) / total
    return Harm(estimate, error, num)


def _judged(look: Look, judged: dict[str, Harm]) -> list[Check]:
    from scipy.stats import norm
    from statsmodels.stats.multitest import multipletests

    knobs, margin = look.settings.rollout, look.settings.rollout.slice_margin
    # Two equal releases differ by exactly nothing: the error is then 0, and the estimate alone decides.
    scores = [(harm.estimate - margin) / max(harm.error, 1e-12) for harm in judged.values()]
    is_harmed = multipletests(norm.sf(scores), alpha=1 - knobs.confidence, method="holm")[0]
    is_safe = multipletests(norm.cdf(scores), alpha=1 - knobs.confidence, method="holm")[0]
    z = float(norm.ppf(1 - (1 - knobs.confidence) / len(judged)))
    checks = []
    for (name, harm), harmed, safe in zip(judged.items(), is_harmed, is_safe, strict=True):
        if harmed:
            verdict, why = Verdict.FAIL, "worse than the margin, beyond chance"
        elif safe:
            verdict, why = Verdict.PASS, "not worse than the margin, beyond chance"
        elif look.is_patient:
            verdict, why = Verdict.WAIT, "undecided"
        else:
            verdict, why = Verdict.PASS, "no harm shown"
        checks.append(
            Check(
                f"slice_{name}",
                verdict,
                value=harm.estimate,
                bound=margin,
                interval=(harm.estimate - z * harm.error, harm.estimate + z * harm.error),
                num_samples=harm.num_viewers,
                detail=f"log loss against live's on this slice: {why}",
            )
        )
    return checks


def _summary(checks: list[Check], judged: dict[str, Harm], small: dict[str, int], margin: float) -> Check:
    worst = max(judged, key=lambda name: judged[name].estimate)
    failed = [check.name for check in checks if check.verdict is Verdict.FAIL]
    named = ", ".join(f"{name} ({num} viewers)" for name, num in small.items())
    return Check(
        "slices",
        Verdict.FAIL if failed else Verdict.PASS,
        value=judged[worst].estimate,
        bound=margin,
        num_samples=sum(harm.num_viewers for harm in judged.values()),
        detail=f"{len(judged)} slices judged, the worst {worst}" + (f"; not judged: {named}" if named else ""),
    )
