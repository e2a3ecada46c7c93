"""What the online gates promise: exposures within which a fault is found in 80 of 100 cases, by their own variance and
their own bounds."""

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.cli.chaos.rollout_faults import Effect, Mask
from homefeed.cli.chaos.traffic import Hour, Traffic
from homefeed.settings import Settings

Floats = NDArray[np.float64]
POWER = 0.8
_LOOKS, _PATHS = 48, 10_000
_WATCHED = ("watch_time", "long_views")


def promised(settings: Settings, traffic: Traffic, effect: Effect, check: str, hours: int) -> float:
    """Exposures of the candidate within which `check` finds the effect with `POWER`; infinite when the plan of the
    stage, which ends with `rollout.max_viewers`, does not.

    The variance is that of the gates' comparison of two halves of the viewers of the first `hours`, one half with the
    effect.
    """
    from monitoring.comparison import difference, moments_of
    from monitoring.online.pre_period import watched_before

    random = np.random.default_rng([traffic.seed, 12])
    plain = [traffic.hour(number) for number in range(hours)]
    changed = [
        effect.hour(hour, np.ones(len(hour), bool), np.ones(len(hour.page_user), bool), random) for hour in plain
    ]
    failed = [effect.failed(hour, np.ones(len(hour.page_user), bool)) for hour in plain]
    users, before, after = _columns(settings, check, plain, changed, failed)
    half = np.random.default_rng([traffic.seed, 13]).random(len(traffic.keys)) < 0.5
    order = np.argsort(traffic.keys)
    mine = half[order[np.searchsorted(traffic.keys, users, sorter=order)]]
    past = watched_before(settings, windows.window_of(traffic.start), users) if check in _WATCHED else None
    per = np.ones(len(users)) if check.endswith("pages") else None
    sides = []
    for side, column in ((mine, after), (~mine, before)):
        covariate = past[side] if past is not None else None
        ones = per[side] if per is not None else None
        sides.append(moments_of(users[side], np.zeros(int(side.sum()), np.int64), 1, column[side], ones, covariate))
    found = difference(*sides)
    viewers = float(found.num_viewers[-1])
    ratio = before.sum() / (len(users) if per is not None else len(np.unique(users)))
    harm = abs(float(after.sum() - before.sum())) / (len(users) if per is not None else len(np.unique(users)))
    harm -= _margin(settings, check) * (ratio if per is None else 1.0)
    most = settings.rollout.max_viewers
    drift = harm * np.sqrt(most / (float(found.variance[-1]) * viewers))
    per_viewer = sum(len(hour) for hour in plain) / len(np.unique(np.concatenate([hour.user for hour in plain])))
    return part_of_plan(drift, _budget(settings, check), settings.seed) * most * per_viewer


def part_of_plan(drift: float, alpha: float, seed: int) -> float:
    """Part of a plan of equal looks by which `POWER` of all paths have crossed a bound; infinite when fewer ever do.

    Args:
      drift: what the z value is expected to be at the end.
      alpha: budget of false alarms of the plan.
      seed: of the paths.
    """
    from monitoring.sequential import critical_values

    share = np.arange(1, _LOOKS + 1) / _LOOKS
    steps = np.random.default_rng(seed).normal(size=(_PATHS, _LOOKS))
    paths = np.cumsum(steps, 1) / np.sqrt(np.arange(1, _LOOKS + 1)) + drift * np.sqrt(share)
    found = np.logical_or.accumulate(paths > critical_values(alpha, share, share), axis=1).mean(axis=0) >= POWER
    return float(share[np.argmax(found)]) if found.any() else float("inf")


def _columns(
    settings: Settings, check: str, plain: list[Hour], changed: list[Hour], failed: list[Mask]
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Viewer, and what the check counts without and with the effect, of every exposure or page."""
    slow = settings.rollout.latency_budget_ms
    before: list[Floats]
    after: list[Floats]
    if check == "failed_pages":
        before, after = (
            [np.zeros(len(hour.page_user)) for hour in plain],
            [column.astype(np.float64) for column in failed],
        )
    elif check == "slow_pages":
        before, after = ([(h.latency_ms > slow).astype(np.float64) for h in hours] for hours in (plain, changed))
    else:
        name = {"watch_time": "watch_s", "long_views": "watched", "dismissals": "dismissed"}[check]
        before, after = ([getattr(h, name).astype(np.float64) for h in hours] for hours in (plain, changed))
    users = [hour.page_user if check.endswith("pages") else hour.user for hour in plain]
    return np.concatenate(users), np.concatenate(before), np.concatenate(after)


def _budget(settings: Settings, check: str) -> float:
    knobs = settings.rollout
    rest = (1 - knobs.watch_time_budget - knobs.long_views_budget) / 3
    share = {"watch_time": knobs.watch_time_budget, "long_views": knobs.long_views_budget}.get(check, rest)
    return knobs.false_alarm * knobs.canary_budget * share


def _margin(settings: Settings, check: str) -> float:
    knobs = settings.rollout
    margins = {
        "dismissals": knobs.dismissed_margin,
        "failed_pages": knobs.error_margin,
        "slow_pages": knobs.slow_margin,
    }
    return margins.get(check, 0.0)
