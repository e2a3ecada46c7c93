"""`homefeed bench experiments`: false alarms and power of the sequential rule, and what CUPED and interleaving save.

The plain simulation: a watch rate of 6 %, 2,000 impressions per arm and look, 30 looks. The clustered one has the same
impressions in viewers of 20, who differ in how much they watch.
"""

import time
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import Progress

from homefeed.cli.bench.ranker_choice import needed_viewers
from homefeed.cli.bench.watch_effect import LOOKS, drift_for_power, power_by_drawing, viewer_days
from homefeed.settings import Settings

if TYPE_CHECKING:
    from monitoring.comparison import Estimate, Moments
    from monitoring.sequential import Floats

_RATE, _PER_LOOK, _PER_VIEWER = 0.06, 2_000, 20
_EFFECTS = (0.01, 0.03, 0.1)
MEANING = {
    "false_aborts": "Share of equal releases that long views alone roll back at any of 30 looks, plain simulation.",
    "found_5": "Share of releases 5 % worse that they roll back.",
    "found_10": "Share of releases 10 % worse that they roll back.",
    "clustered_false_aborts": "The same for equal releases when viewers differ.",
    "clustered_found_5": "The same for 5 % worse.",
    "clustered_found_10": "The same for 10 % worse.",
    "impression_false_aborts": "Equal releases that a test per impression would roll back when viewers differ.",
    "aa_false_aborts": "Share of 200 unchanged releases rolled back by any check, in CANARY and RAMP together.",
    "aa_1000_false_aborts": "The same of 1,000.",
    "anytime_false_alarms": "Share of experiments without effect that the any-time reading calls one, at any look.",
    "anytime_found_5": "Share of experiments with -5 % that it finds.",
    "anytime_found_10": "Share of experiments with -10 % that it finds.",
    "cuped_kept": "Share of the variance of a day's watch time that the 7 days before do not explain, synthetic site.",
    "impressions_per_viewer": "Impressions of a viewer in a day there.",
    **{
        f"needed_{100 * effect:.0f}{suffix}": f"Exposures of the canary to find -{100 * effect:.0f} % watch time with "
        f"80 % power there, {word} CUPED."
        for effect in _EFFECTS
        for suffix, word in (("", "without"), ("_cuped", "with"))
    },
    "needed_3_views": "The same for -3 % long views, whose check has more of the budget, without CUPED.",
    "needed_3_views_cuped": "The same with CUPED.",
    "power_10": "Share of 200 draws of as many viewers that find -10 % without CUPED; 0.8 is what was promised.",
    "power_10_cuped": "The same with CUPED.",
    "interleaving_viewers": "Viewers of interleaved pages to tell two rankers apart with 80 % power.",
    "arms_viewers": "Viewers of both arms of an A/B test for the same.",
    "times_fewer": "The second over the first.",
    "ranker_gain": "How many more watches the better of the two rankers brings, relative.",
    "seconds": "Time of the whole benchmark.",
}


def run(settings: Settings, progress: Progress, runs: int = 4_000, num_viewers: int = 10_000) -> dict[str, float]:
    """Every figure of `MEANING`."""
    progress.update(progress.task_ids[0], total=4)
    began, seed, knobs = time.perf_counter(), settings.seed, settings.rollout
    budget = knobs.false_alarm * knobs.canary_budget
    long_views, watch_time = budget * knobs.long_views_budget, budget * knobs.watch_time_budget
    results: dict[str, float] = {}
    for word, shape in (("", None), ("clustered_", 1.0)):
        for name, effect in (("false_aborts", 0.0), ("found_5", 0.05), ("found_10", 0.1)):
            found = simulated(runs, effect, shape, seed)
            results[word + name] = share_found(found, long_views)
            if not word:
                anytime = name if effect else "false_alarms"
                results[f"anytime_{anytime}"] = share_found_at_any_time(settings, found, is_two_sided=not effect)
    results["impression_false_aborts"] = share_found(simulated(runs, 0.0, 1.0, seed, per_viewer=1), long_views)
    progress.advance(progress.task_ids[0])
    blocks = [unchanged(settings, 200, seed + number) for number in range(5)]
    results |= {"aa_false_aborts": blocks[0], "aa_1000_false_aborts": float(np.mean(blocks))}
    progress.advance(progress.task_ids[0])
    days, views = viewer_days(settings, num_viewers)
    drift = drift_for_power(watch_time, 0.8, seed)
    results |= {"cuped_kept": days.kept, "impressions_per_viewer": float(days.impressions.mean())}
    for effect in _EFFECTS:
        results[f"needed_{100 * effect:.0f}"] = days.needed(effect, drift)
        results[f"needed_{100 * effect:.0f}_cuped"] = days.needed(effect, drift, days.kept)
    views_drift = drift_for_power(long_views, 0.8, seed)
    results["needed_3_views"] = views.needed(0.03, views_drift)
    results["needed_3_views_cuped"] = views.needed(0.03, views_drift, views.kept)
    for suffix, number in (("", 0), ("_cuped", 1)):
        viewers = int(results[f"needed_10{suffix}"] / results["impressions_per_viewer"])
        results[f"power_10{suffix}"] = power_by_drawing(days, 0.1, watch_time, viewers, 200, seed)[number]
    progress.advance(progress.task_ids[0])
    choice = needed_viewers(seed, num_viewers)
    results |= {
        "interleaving_viewers": choice.interleaving,
        "arms_viewers": choice.arms,
        "times_fewer": choice.arms / choice.interleaving,
        "ranker_gain": choice.gain,
    }
    progress.advance(progress.task_ids[0])
    return results | {"seconds": time.perf_counter() - began}


def simulated(runs: int, effect: float, shape: float | None, seed: int, per_viewer: int = _PER_VIEWER) -> "Estimate":
    """[runs, looks] differences of watches per viewer, candidate minus control, in the simulation.

    Args:
      runs: releases.
      effect: how much less (relative) is watched of the candidate.
      shape: of the gamma distribution of the viewers' rates; None for viewers that are all alike.
      seed: of the draws.
      per_viewer: impressions that are taken to be one viewer's; 1 is a test per impression of viewers of 20.
    """
    from monitoring.comparison import difference

    random = np.random.default_rng(seed)
    sides = [_arm(runs, _RATE * left, shape, per_viewer, random) for left in (1 - effect, 1.0)]
    return difference(*sides)


def _arm(runs: int, rate: float, shape: float | None, per_viewer: int, random: np.random.Generator) -> "Moments":
    viewers = _PER_LOOK // _PER_VIEWER
    y, yy = np.empty((runs, LOOKS)), np.empty((runs, LOOKS))
    # Look by look keeps the draws of all runs within tens of megabytes.
    for look in range(LOOKS):
        size = (runs, viewers)
        chance = rate if shape is None else np.minimum(random.gamma(shape, rate / shape, size), 1)
        watched = random.binomial(_PER_VIEWER, chance, size)
        y[:, look] = watched.sum(1)
        # An impression is watched or not, so its square is itself.
        yy[:, look] = (watched**2).sum(1) if per_viewer > 1 else y[:, look]
    return moments(y, yy, float(viewers if per_viewer > 1 else _PER_LOOK))


def moments(y: "Floats", yy: "Floats", n: float) -> "Moments":
    """Sums up to each look from those of each look, [runs, looks], with `n` viewers in each and no covariate."""
    from monitoring.comparison import Moments

    seen, y, yy = (np.cumsum(column, 1) for column in (np.full(y.shape, n), y, yy))
    zero = np.zeros(y.shape)
    return Moments(n=seen, y=y, d=seen, yy=yy, yd=y, dd=seen, x=zero, xx=zero, xy=zero, xd=zero)


def is_found(found: "Estimate", alpha: float, margin: "Floats | float" = 0.0) -> "Floats":
    """[runs] 1 where the candidate is found worse by more than `margin` at any of the planned looks."""
    from monitoring.sequential import critical_values

    share = np.arange(1, LOOKS + 1) / LOOKS
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (-found.difference - margin) / np.sqrt(found.variance)
    return np.asarray((z > critical_values(alpha, share, share)).any(1), np.float64)


def share_found(found: "Estimate", alpha: float) -> float:
    """Share of runs in which the candidate is found worse at any of the planned looks."""
    return float(is_found(found, alpha).mean())


def share_found_at_any_time(settings: Settings, found: "Estimate", is_two_sided: bool) -> float:
    """Share of runs in which the any-time interval leaves out 0 at any look: on either side, or below."""
    from monitoring.sequential import always_valid

    knobs = settings.experiments
    half = always_valid(found.variance, knobs.false_alarm, knobs.expected_effect * _RATE * _PER_VIEWER)
    gap = np.abs(found.difference) if is_two_sided else -found.difference
    return float((gap > half).any(1).mean())


def unchanged(settings: Settings, runs: int, seed: int) -> float:
    """Share of `runs` unchanged releases that any check of CANARY or RAMP rolls back.

    Each look brings 100 viewers of 20 impressions and 2 pages per arm: watches of 6 % by viewers who differ, of 90 s in
    the median; 0.4 % dismissals; 0.2 % of pages failed and 1 % slow.
    """
    knobs, random = settings.rollout, np.random.default_rng(seed)
    rest = (1 - knobs.watch_time_budget - knobs.long_views_budget) / 3
    rolled_back = np.zeros(runs)
    for part in (knobs.canary_budget, 1 - knobs.canary_budget):
        budget = knobs.false_alarm * part
        arms = [_viewers(runs, random) for _ in range(2)]
        pairs = {name: _compared(arms[0][name], arms[1][name]) for name in arms[0]}
        # More is worse in all but the first two.
        checks = (
            is_found(pairs["watch_s"], budget * knobs.watch_time_budget),
            is_found(pairs["watched"], budget * knobs.long_views_budget),
            is_found(_turned(pairs["dismissed"]), budget * rest, knobs.dismissed_margin * pairs["dismissed"].control),
            is_found(_turned(pairs["failed"]), budget * rest, 2 * knobs.error_margin),
            is_found(_turned(pairs["slow"]), budget * rest, 2 * knobs.slow_margin),
        )
        rolled_back = np.maximum(rolled_back, np.max(checks, 0))
    return float(rolled_back.mean())


def _viewers(runs: int, random: np.random.Generator) -> "dict[str, Floats]":
    """Name -> [runs, looks, viewers] sums of each viewer of one arm."""
    size = (runs, LOOKS, _PER_LOOK // _PER_VIEWER)
    watched = random.binomial(_PER_VIEWER, np.minimum(random.gamma(1.0, _RATE, size), 1), size).astype(float)
    return {
        "watched": watched,
        "watch_s": watched * random.lognormal(np.log(90), 0.8, size),
        "dismissed": random.binomial(_PER_VIEWER, 0.004, size).astype(float),
        "failed": random.binomial(2, 0.002, size).astype(float),
        "slow": random.binomial(2, 0.01, size).astype(float),
    }


def _compared(candidate: "Floats", control: "Floats") -> "Estimate":
    from monitoring.comparison import difference

    sides = [moments(side.sum(2), (side**2).sum(2), float(side.shape[2])) for side in (candidate, control)]
    return difference(*sides)


def _turned(found: "Estimate") -> "Estimate":
    from dataclasses import replace

    return replace(found, difference=-found.difference)
