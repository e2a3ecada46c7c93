"""A canary or a ramp against the live release, on the viewers that each answered, since the stage began."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.registry import Stage
from homefeed.verdict import Check, Verdict
from monitoring.comparison import Difference, arm_of, compare
from monitoring.decision import not_worse, waiting
from monitoring.look import Look

#: Checks that share the budget of false alarms: watched, dismissed, failed and slow.
_NUM_TESTS = 4
#: A share for which the test is still tuned when nothing has happened yet.
_LEAST_RATE = 1e-3


def online(look: Look) -> list[Check]:
    """`watched_share`, `dismissals`, `failed_pages`, `slow_pages` of both arms, and `sample_ratio` of their viewers."""
    requests = look.serving_rows("requests")
    exposures = look.exposures_since()
    return [_sample_ratio(look, requests), *_reactions(look, exposures), *_pages(look, requests)]


def _reactions(look: Look, exposures: pa.Table) -> list[Check]:
    knobs, users = look.settings.rollout, exposures["user"].to_numpy()
    gaps = []
    for name in ("watched", "dismissed"):
        column = _flags(exposures[name])
        rate = max(float(column.mean()), _LEAST_RATE) if len(column) else _LEAST_RATE
        gaps.append(_compare(look, exposures, users, column, knobs.expected_effect * rate))
    watched, dismissed = gaps
    # A canary is rolled back when it is surely worse at all, and promoted when it is surely not worse than the margin.
    return [
        _check(
            look, "watched_share", _turned(watched), (0.0, knobs.watched_margin * watched.live), "watched exposures"
        ),
        _check(look, "dismissals", dismissed, (knobs.dismissed_margin * dismissed.live,) * 2, "dismissed exposures"),
    ]


def _pages(look: Look, requests: pa.Table) -> list[Check]:
    knobs, users = look.settings.rollout, np.asarray(requests["user"].to_pylist(), object)
    degraded = pc.greater(pc.list_value_length(requests["degraded"]), 0)
    failed = _flags(pc.or_(pc.not_equal(requests["error"], ""), degraded))
    slow = _flags(pc.greater(requests["latency_ms"], knobs.latency_budget_ms))
    failures, delays = (
        _compare(look, requests, users, column, knobs.expected_page_effect) for column in (failed, slow)
    )
    over = f"pages over {knobs.latency_budget_ms:g} ms"
    return [
        _check(look, "failed_pages", failures, (knobs.error_margin,) * 2, "failed or degraded pages"),
        _check(look, "slow_pages", delays, (knobs.slow_margin,) * 2, over),
    ]


def _check(look: Look, name: str, harm: Difference, margins: tuple[float, float], what: str) -> Check:
    """A check of a difference in which positive is worse; margins are those of `fail_above` and `pass_below`."""
    knobs = look.settings.rollout
    return not_worse(
        name,
        (harm.estimate, harm.low, harm.high),
        fail_above=margins[0],
        pass_below=margins[1],
        num_samples=harm.num_viewers,
        enough=(knobs.min_viewers, knobs.max_viewers),
        what=f"share of {what}, {harm.candidate:.4f} against live's {harm.live:.4f}",
    )


def _turned(gap: Difference) -> Difference:
    """The same where more is better: positive is worse again."""
    return replace(gap, estimate=-gap.estimate, low=-gap.high, high=-gap.low)


def _compare(
    look: Look, rows: pa.Table, users: NDArray[np.generic], numerator: NDArray[np.float64], expected: float
) -> Difference:
    """Candidate minus live: share of rows in which `numerator` [n] is 1, with the viewer as the unit."""
    assert look.live is not None
    ones = np.ones(len(users))
    masks = [_flags(pc.equal(rows["release"], release.id)) > 0 for release in (look.release, look.live)]
    mine, theirs = (arm_of(users[mask], numerator[mask], ones[mask]) for mask in masks)
    return compare(mine, theirs, alpha=look.settings.rollout.false_alarm / _NUM_TESTS, expected=expected)


def _sample_ratio(look: Look, requests: pa.Table) -> Check:
    """`sample_ratio`: as many viewers in the arm as its share says; a broken assignment voids the comparison."""
    from scipy.stats import binomtest

    assert look.live is not None
    knobs = look.settings.rollout
    share = knobs.canary_share if look.release.stage == Stage.CANARY else knobs.ramp_share
    counts = [
        pc.count_distinct(requests.filter(pc.equal(requests["release"], r))["user"]).as_py()
        for r in (look.release.id, look.live.id)
    ]
    if min(counts) < knobs.min_viewers:
        return waiting("sample_ratio", f"{min(counts)} of the {knobs.min_viewers} viewers it takes", min(counts))
    p = float(binomtest(counts[0], sum(counts), share).pvalue)
    is_right = p >= knobs.min_sample_ratio_p
    return Check(
        "sample_ratio",
        Verdict.PASS if is_right else Verdict.WAIT,
        value=p,
        bound=knobs.min_sample_ratio_p,
        num_samples=sum(counts),
        detail=f"{counts[0]} of {sum(counts)} viewers where {share:g} is meant"
        + ("" if is_right else ": the assignment is broken, held"),
    )


def _flags(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.float64)
