"""What the service saw when it made this release's pages off the response path."""

import math

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.verdict import Check, Verdict
from monitoring.decision import not_worse, waiting
from monitoring.look import Look

#: Two-sided 99 %.
_Z = 2.576


def shadow(look: Look) -> list[Check]:
    """`shadow_errors`, `shadow_latency` (holds), `shadow_overlap` (holds) since the release entered its stage."""
    knobs = look.settings.rollout
    rows = look.serving_rows("shadow")
    rows = rows.filter(pc.equal(rows["release"], look.release.id))
    num, least = rows.num_rows, knobs.min_shadow_pages
    names = ("shadow_errors", "shadow_latency", "shadow_overlap")
    if num < least:
        return [waiting(name, f"{num} of the {least} shadow pages it takes", num) for name in names]
    failed = pc.not_equal(rows["error"], "").to_numpy(zero_copy_only=False)
    share, low, high = wilson(int(failed.sum()), num)
    bound = knobs.max_shadow_error_share
    errors = not_worse(
        "shadow_errors",
        (share, low, high),
        fail_above=bound,
        pass_below=bound,
        num_samples=num,
        enough=(least, least),
        what="share of failed shadow pages",
    )
    live = look.serving_rows("requests")
    live = live.filter(pc.equal(live["release"], look.live.id)) if look.live else live.slice(0, 0)
    median, typical = _median(rows["latency_ms"]), _median(live["latency_ms"])
    overlap = float(np.nanmean(_numbers(rows["overlap_at_100"]))) if not failed.all() else math.nan
    return [
        errors,
        _hold(
            "shadow_latency",
            median / typical if typical else math.nan,
            knobs.max_shadow_latency_ratio,
            num,
            is_upper=True,
            what=f"median {median:.0f} ms of a shadow page over {typical:.0f} ms of a live page",
        ),
        _hold(
            "shadow_overlap",
            overlap,
            knobs.min_shadow_overlap,
            num,
            is_upper=False,
            what="videos in common with live's page",
        ),
    ]


def wilson(count: int, num: int) -> tuple[float, float, float]:
    """Share with its 99 % interval: count of num -> (share, low, high). Source: Wilson 1927."""
    share = count / num
    centre, spread = share + _Z**2 / (2 * num), _Z * math.sqrt(share * (1 - share) / num + _Z**2 / (4 * num**2))
    scale = 1 + _Z**2 / num
    # Rounding must not move a bound past the share itself.
    return share, min(share, max(0.0, (centre - spread) / scale)), max(share, min(1.0, (centre + spread) / scale))


def _hold(name: str, value: float, bound: float, num: int, *, is_upper: bool, what: str) -> Check:
    """PASS within the bound, else WAIT: shadow pages warn, they do not roll back."""
    if math.isnan(value):
        return waiting(name, f"{what}: nothing was measured", num)
    inside = value <= bound if is_upper else value >= bound
    verdict = Verdict.PASS if inside else Verdict.WAIT
    return Check(name, verdict, value=value, bound=bound, num_samples=num, detail=what + ("" if inside else ": held"))


def _numbers(column: object) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)  # type: ignore[attr-defined]


def _median(column: object) -> float:
    values = _numbers(column)
    return float(np.median(values)) if len(values) else math.nan
