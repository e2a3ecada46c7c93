"""Exposures it takes to find that a release is watched less, on the synthetic site, with and without CUPED."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from homefeed.settings import Settings

if TYPE_CHECKING:
    from monitoring.sequential import Floats

_END = datetime(2026, 11, 23, 22, tzinfo=UTC)
_DAY_US, _STEP_US = 86_400_000_000, 7_200_000_000
#: As `experiments.pre_period_windows` has it.
_BEFORE_DAYS = 7
LOOKS = 30
_PATHS = 20_000


@dataclass(frozen=True)
class ViewerDays:
    """Viewers of a day who saw anything: what is measured of each, impressions, and the same of the days before."""

    value: "Floats"
    impressions: "Floats"
    before: "Floats"

    @property
    def kept(self) -> float:
        """Share of the variance that the time before does not explain."""
        return float(1 - np.corrcoef(self.value, self.before)[0, 1] ** 2)

    def needed(self, effect: float, drift: float, kept: float = 1.0) -> float:
        """Exposures of the candidate's arm that find `effect` (relative) when the z value must drift by `drift`."""
        variance = 2 * self.value.var() * kept
        viewers = variance * (drift / (effect * self.value.mean())) ** 2
        return float(viewers * self.impressions.mean())


def viewer_days(settings: Settings, num_viewers: int) -> tuple[ViewerDays, ViewerDays]:
    """Watch time and long views of a day of the synthetic site and of the days before, viewer by viewer."""
    from homefeed.world.activity import shown, slots_of, visits
    from homefeed.world.behaviour import react
    from homefeed.world.build import build_site
    from homefeed.world.policy import choose, in_order

    days = 1 + _BEFORE_DAYS
    world = settings.world.model_copy(update={"num_viewers": num_viewers, "history_days": float(days)})
    site = build_site(world, settings.seed, _END)
    end_us = round(_END.timestamp() * 1e6)
    watch_s, watches, seen_by = (np.zeros((2, num_viewers)) for _ in range(3))
    for start in range(end_us - days * _DAY_US, end_us, _STEP_US):
        random = np.random.default_rng([site.seed, 8, start // _STEP_US])
        made = visits(site, start, _STEP_US, random)
        visit, _ = slots_of(made.depth)
        seen = shown(
            made, in_order(site, visit, choose(site, made.viewer[visit], made.time_us[visit], random), random).video
        )
        found = react(site, seen, random).watches
        counted = (found.start_us - seen.time_us[found.row] < 600_000_000) & ~found.accidental
        day = int(start >= end_us - _DAY_US)
        viewer = seen.viewer[found.row[counted]]
        watch_s[day] += np.bincount(viewer, found.seconds[counted], num_viewers)
        watches[day] += np.bincount(viewer, minlength=num_viewers)
        seen_by[day] += np.bincount(seen.viewer, minlength=num_viewers)
    there = seen_by[1] > 0
    first, second = (ViewerDays(column[1, there], seen_by[1, there], column[0, there]) for column in (watch_s, watches))
    return first, second


def drift_for_power(alpha: float, power: float, seed: int) -> float:
    """How far the z value at the last of `LOOKS` equal looks must be expected to drift for `power`, over all looks."""
    from scipy.optimize import brentq

    from monitoring.sequential import critical_values

    share = np.arange(1, LOOKS + 1) / LOOKS
    bounds = critical_values(alpha, share, share)
    noise = np.cumsum(np.random.default_rng(seed).normal(size=(_PATHS, LOOKS)), 1) / np.sqrt(np.arange(1, LOOKS + 1))
    return float(
        brentq(lambda drift: (noise + drift * np.sqrt(share) > bounds).any(1).mean() - power, 0.0, 8.0, xtol=1e-3)
    )


def power_by_drawing(
    days: ViewerDays, effect: float, alpha: float, viewers: int, runs: int, seed: int
) -> tuple[float, float]:
    """Share of `runs` that find `effect`, without and with the time before: viewers are drawn from `days` anew."""
    from monitoring.comparison import Moments, difference
    from monitoring.sequential import critical_values

    random = np.random.default_rng(seed)
    share = np.arange(1, LOOKS + 1) / LOOKS
    bounds = critical_values(alpha, share, share)
    per_look, found = max(1, viewers // LOOKS), np.zeros(2)
    for _ in range(runs):
        arms = []
        for left in (1 - effect, 1.0):
            drawn = random.integers(len(days.value), size=(LOOKS, per_look))
            y, x = days.value[drawn] * left, days.before[drawn]
            ones = np.ones_like(y)
            columns = (ones, y, ones, y * y, y, ones, x, x * x, x * y, x)
            arms.append([np.cumsum(column.sum(1)) for column in columns])
        for number in (0, 1):
            zero = [column * (number if position >= 6 else 1) for side in arms for position, column in enumerate(side)]
            gap = difference(Moments(*zero[:10]), Moments(*zero[10:]))
            found[number] += bool((-gap.difference / np.sqrt(gap.variance) > bounds).any())
    return float(found[0] / runs), float(found[1] / runs)
