"""G1: the input contract. What a model is trained on is whole, counted once, in time, and as much as on other days."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.inputs import Inputs

#: A site is steady, and a hole in its windows a fault, when this share of the windows beside the hole has impressions.
_STEADY = 0.95
_HOUR_WINDOWS = 6


def contract(inputs: Inputs, knobs: RolloutSettings) -> list[Check]:
    """`input_schema`, `input_copies`, `input_late`, `input_holes` and `input_volume`."""
    return [
        _share("input_schema", inputs.quarantined, inputs.accepted + inputs.quarantined, knobs.max_quarantined_share),
        _copies(inputs),
        _share("input_late", inputs.late, inputs.accepted, knobs.max_late_share),
        _holes(inputs, knobs.max_empty_windows),
        _volume(inputs, knobs),
    ]


_WHAT = {
    "input_schema": "share of the events that break the schema",
    "input_late": "share of the events that arrived after the exposures of their window were published",
}


def _share(name: str, count: int, total: int, bound: float) -> Check:
    if not total:
        return waiting(name, "no events were ingested")
    share = count / total
    verdict = Verdict.PASS if share <= bound else Verdict.FAIL
    return Check(name, verdict, value=share, bound=bound, num_samples=total, detail=_WHAT[name])


def _copies(inputs: Inputs) -> Check:
    num = int(inputs.impressions.sum())
    if not num:
        return waiting("input_copies", f"no impressions in {_range(inputs.windows)}")
    return Check(
        "input_copies",
        Verdict.FAIL if inputs.copies else Verdict.PASS,
        value=float(inputs.copies),
        bound=0.0,
        num_samples=num,
        detail="impressions that count more than once, by event id or by viewer, video, time and slot",
    )


def _holes(inputs: Inputs, bound: int) -> Check:
    """The longest run of windows that were ingested and are empty."""
    empty = (inputs.impressions == 0) & inputs.ingested
    first, length = _longest(empty)
    beside = np.delete(inputs.impressions, np.s_[first : first + length])[
        np.delete(inputs.ingested, np.s_[first : first + length])
    ]
    if not len(beside) or (beside > 0).mean() < _STEADY:
        return waiting("input_holes", f"too few windows with impressions in {_range(inputs.windows)} to tell a hole")
    named = f": {_range(inputs.windows[first : first + length])}" if length else ""
    num_off = int((~inputs.ingested).sum())
    return Check(
        "input_holes",
        Verdict.FAIL if length > bound else Verdict.PASS,
        value=float(length),
        bound=float(bound),
        num_samples=len(inputs.windows),
        detail=f"windows in a row without an impression{named}"
        + (f"; {num_off} windows were never ingested: the platform was off" if num_off else ""),
    )


def _volume(inputs: Inputs, knobs: RolloutSettings) -> Check:
    """Impressions of all windows, and of each hour that has enough, over the median of the same ones of other weeks."""
    num_weeks = len(inputs.earlier)
    if num_weeks < knobs.min_volume_weeks:
        return waiting("input_volume", f"{num_weeks} of the {knobs.min_volume_weeks} earlier weeks it takes", num_weeks)
    counted = inputs.ingested
    hours = np.arange(len(inputs.windows)) + windows.start(inputs.windows[0]).minute // 10
    ratios = {}
    parts = [("all", counted), *((hour, counted & (hours // _HOUR_WINDOWS == hour)) for hour in np.unique(hours // 6))]
    for name, mask in parts:
        median = float(np.median(inputs.earlier[:, mask].sum(axis=1))) if mask.any() else 0.0
        if median >= (knobs.min_volume if name != "all" else 1):
            at = _range([w for w, kept in zip(inputs.windows, mask, strict=True) if kept])
            ratios[at] = float(inputs.impressions[mask].sum()) / median
    if not ratios:
        return waiting("input_volume", f"no impressions in the weeks before {_range(inputs.windows)}", num_weeks)
    worst = max(ratios, key=lambda at: abs(ratios[at] - 1))
    gap = ratios[worst] - 1
    return Check(
        "input_volume",
        Verdict.FAIL if abs(gap) > knobs.volume_band else Verdict.PASS,
        value=gap,
        bound=-knobs.volume_band if gap < 0 else knobs.volume_band,
        num_samples=int(inputs.impressions.sum()),
        detail=f"impressions of {worst} against the median of the same windows of {num_weeks} earlier weeks",
    )


def _longest(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """First place and length of the longest run of True; of equals the first."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    begins, lengths = edges[::2], edges[1::2] - edges[::2]
    if not len(begins):
        return 0, 0
    longest = int(np.argmax(lengths))
    return int(begins[longest]), int(lengths[longest])


def _range(names: Sequence[str]) -> str:
    return f"{names[0]}..{names[-1]}" if len(names) else "no window"
