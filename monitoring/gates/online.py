"""A canary or a ramp against a fresh control of the same size that stays on live, since the stage began.

Every check is per viewer. Those that can roll back share the release's budget of false alarms, each with a bound that
holds at every look (`monitoring.sequential`). A broken assignment voids what depends on who the viewers are.
"""

from functools import partial

import numpy as np
import pyarrow.compute as pc

from homefeed import ids, windows
from homefeed.registry import Stage
from homefeed.verdict import Check, Verdict
from monitoring.assignment import balance_p, sample_ratio_p
from monitoring.comparison import at_planned_looks
from monitoring.decision import not_worse, waiting
from monitoring.look import Look
from monitoring.online.pre_period import watched_before
from monitoring.online.ratios import numbers
from monitoring.online.rollout_arms import ArmRows, Shares, arm_rows, shares
from monitoring.sequential import Floats


def online(look: Look) -> list[Check]:
    """Checks of G14 to G18.

    `sample_ratio`, `pre_period_balance` (G14), `failed_pages` (G15), `slow_pages` (G16), `watch_time` and `long_views`
    (G17), `dismissals` (G18). With a broken assignment the last three are not read.
    """
    assert look.live is not None
    sizes = shares(look.settings.rollout, Stage(look.release.stage))
    requests, exposures = look.serving_rows("requests"), look.exposures_since()
    arms = partial(arm_rows, candidate=look.release.id, live=look.live.id, sizes=sizes, since=look.release.stage_since)
    keys = ids.keys(requests["user"]).to_numpy() if requests.num_rows else np.zeros(0, np.int64)
    now, looks = windows.window_of(look.now), _looks(look)
    # Exposures are as many windows behind the clock at every look as they are at this one.
    behind = len(windows.span(look.window, now)) - 1
    published = [windows.shift(window, -behind) for window in looks]
    pages = arms(requests, keys, last=now, looks=looks)
    shown = arms(exposures, exposures["user"].to_numpy(), last=look.window, looks=published)
    before = watched_before(look.settings, windows.window_of(look.release.created), shown.users)
    assignment = [_sample_ratio(look, pages, sizes), _balance(look, shown, before)]
    if any(check.value is not None and check.verdict is Verdict.WAIT for check in assignment):
        return [*assignment, *_pages(look, pages)]
    return [*assignment, *_pages(look, pages), *_reactions(look, shown, before)]


def _looks(look: Look) -> list[str]:
    """Windows in which the gates looked at the release before, since its stage began."""
    stage, since = look.release.stage, look.release.stage_since
    stored = look.registry.transitions(look.release.id)
    return [windows.window_of(t.at) for t in stored if t.from_stage == t.to_stage == stage and since <= t.at < look.now]


def budget(look: Look, share: float) -> float:
    """False alarms that one check may raise in the release's stage: `share` of the budget, most of it in CANARY."""
    knobs = look.settings.rollout
    part = knobs.canary_budget if look.release.stage == Stage.CANARY else 1 - knobs.canary_budget
    return knobs.false_alarm * part * share


def _pages(look: Look, arm: ArmRows) -> list[Check]:
    knobs, ones = look.settings.rollout, np.ones(arm.rows.num_rows)
    degraded = pc.greater(pc.list_value_length(arm.rows["degraded"]), 0)
    failed = numbers(pc.or_(pc.not_equal(arm.rows["error"], ""), degraded))
    slow = numbers(pc.greater(arm.rows["latency_ms"], knobs.latency_budget_ms))
    over = f"share of pages over {knobs.latency_budget_ms:g} ms"
    rest = _rest(look)
    return [
        _check(look, "failed_pages", arm, failed, ones, (knobs.error_margin,) * 2, rest, "share of pages that failed"),
        _check(look, "slow_pages", arm, slow, ones, (knobs.slow_margin,) * 2, rest, over),
    ]


def _reactions(look: Look, arm: ArmRows, before: Floats | None) -> list[Check]:
    knobs = look.settings.rollout
    watch_s, watched, dismissed = (numbers(arm.rows[name]) for name in ("watch_s", "watched", "dismissed"))
    # A canary is rolled back when it is surely worse at all, and promoted when it is surely not worse than the margin.
    found = [
        _check(
            look, name, arm, -column, None, (0.0, knobs.watched_margin), share, what, is_relative=True, covariate=before
        )
        for name, column, share, what in (
            ("watch_time", watch_s, knobs.watch_time_budget, "seconds watched per viewer"),
            ("long_views", watched, knobs.long_views_budget, "long views per viewer"),
        )
    ]
    margins = (knobs.dismissed_margin,) * 2
    what = "dismissals per viewer"
    return [*found, _check(look, "dismissals", arm, dismissed, None, margins, _rest(look), what, is_relative=True)]


def _rest(look: Look) -> float:
    """The part of the budget that each of the other three checks has."""
    knobs = look.settings.rollout
    return (1 - knobs.watch_time_budget - knobs.long_views_budget) / 3


def _check(
    look: Look,
    name: str,
    arm: ArmRows,
    harm: Floats,
    per: Floats | None,
    margins: tuple[float, float],
    share: float,
    what: str,
    *,
    is_relative: bool = False,
    covariate: Floats | None = None,
) -> Check:
    """A check of a harm [n], per viewer or `per` [n]; margins are those of `fail_above` and `pass_below`."""
    knobs = look.settings.rollout
    found = arm.compare(harm, per, covariate)
    gap = at_planned_looks(found, budget(look, share), arm.spending(found, knobs))
    # Relative to a control in which nothing has happened yet, any harm is beyond every margin.
    unit = abs(gap.control) or 1.0 if is_relative else 1.0
    if is_relative and gap.control == 0:
        margins = (0.0, 0.0)
    return not_worse(
        name,
        (gap.estimate / unit, gap.low / unit, gap.high / unit),
        fail_above=margins[0],
        pass_below=margins[1],
        num_samples=gap.num_viewers,
        enough=(knobs.min_viewers, knobs.max_viewers),
        what=f"{what}, {abs(gap.candidate):.4g} against the control's {abs(gap.control):.4g}"
        + _reduced(found.kept[-1]),
    )


def _reduced(kept: float) -> str:
    return f", {1 - kept:.0%} of the variance explained by the time before" if kept < 0.995 else ""


def _sample_ratio(look: Look, pages: ArmRows, sizes: Shares) -> Check:
    """`sample_ratio`: as many viewers in the arm as its share says."""
    knobs, (mine, theirs) = look.settings.rollout, pages.viewers()
    if min(mine, theirs) < knobs.min_viewers:
        fewest = min(mine, theirs)
        return waiting("sample_ratio", f"{fewest} of the {knobs.min_viewers} viewers it takes", fewest)
    p = sample_ratio_p(mine, mine + theirs, sizes.expected)
    detail = f"{mine} viewers against the control's {theirs} where {sizes.expected:.0%} of both is meant"
    return _assigned("sample_ratio", p, knobs.min_sample_ratio_p, mine + theirs, detail)


def _balance(look: Look, shown: ArmRows, before: Floats | None) -> Check:
    """`pre_period_balance`: the viewers of both arms watched alike before the release met anyone."""
    name, knobs = "pre_period_balance", look.settings.rollout
    if before is None:
        return waiting(name, "no exposures in the windows before the release: whether the arms were alike is not known")
    # Each viewer once, with what it watched before.
    _, once = np.unique(shown.users, return_index=True)
    alone = ArmRows(shown.rows, shown.users[once], shown.look[once] * 0, shown.is_candidate[once], np.ones(1, bool))
    found = alone.compare(before[once])
    num = int(np.nan_to_num(found.num_viewers[-1]))
    if num < knobs.min_viewers:
        return waiting(name, f"{num} of the {knobs.min_viewers} viewers it takes", num)
    mine, theirs = float(found.candidate[-1]), float(found.control[-1])
    detail = f"{mine:.4g} s watched before by a viewer, {theirs:.4g} s by one of the control"
    return _assigned(name, balance_p(found), knobs.min_sample_ratio_p, num, detail)


def _assigned(name: str, p: float, bound: float, num: int, detail: str) -> Check:
    is_right = p >= bound
    broken = "" if is_right else ": the assignment is broken, the comparison is void and the release is held"
    verdict = Verdict.PASS if is_right else Verdict.WAIT
    return Check(name, verdict, value=p, bound=bound, num_samples=num, detail=detail + broken)
