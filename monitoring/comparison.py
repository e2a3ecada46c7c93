"""Two arms of viewers compared at every look so far, with the viewer as unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.sequential import Floats, always_valid, critical_values

#: Sums over viewers that the difference of two arms follows from: viewers, numerator, denominator, their squares and
#: product, the covariate, its square, and its products with numerator and denominator.
MOMENTS = ("n", "y", "d", "yy", "yd", "dd", "x", "xx", "xy", "xd")


@dataclass(frozen=True)
class Moments:
    """Sums over the viewers of one arm, up to and including each look: each is [..., k].

    A viewer is one observation, however many pages it saw: `y` and `d` are sums of all it did up to the look.
    """

    n: Floats
    y: Floats
    d: Floats
    yy: Floats
    yd: Floats
    dd: Floats
    x: Floats
    xx: Floats
    xy: Floats
    xd: Floats

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) + getattr(other, name) for name in MOMENTS))


@dataclass(frozen=True)
class Estimate:
    """Candidate minus control at each of k looks.

    Attributes:
      difference: [..., k] of the ratios, in their unit, adjusted by the covariate; NaN without data.
      variance: [..., k] of the difference.
      information: [..., k] variance of the summed evidence, which grows from look to look.
      candidate, control: [..., k] the two ratios as they are.
      num_viewers: [..., k] viewers in the smaller arm.
      kept: [..., k] variance that the covariate left, as a share.
    """

    difference: Floats
    variance: Floats
    information: Floats
    candidate: Floats
    control: Floats
    num_viewers: Floats
    kept: Floats


@dataclass(frozen=True)
class Interval:
    """A difference at the newest look with an interval that holds at every look; infinite bounds without data."""

    estimate: float
    low: float
    high: float
    candidate: float
    control: float
    num_viewers: int


def moments_of(
    users: NDArray[np.int64],
    look: NDArray[np.int64],
    num_looks: int,
    y: Floats,
    d: Floats | None = None,
    x: Floats | None = None,
) -> Moments:
    """Sums over viewers at every look, from rows.

    Args:
      users: [n] viewer of each row.
      look: [n] first look, from 0, that sees the row.
      num_looks: k.
      y: [n] numerator of each row.
      d: [n] denominator of each row; None counts viewers.
      x: [n] covariate of the row's viewer, the same in all rows of a viewer; None is 0.
    """
    distinct, viewer = np.unique(users, return_inverse=True)
    unit, place = np.unique(viewer.astype(np.int64) * max(num_looks, 1) + look, return_inverse=True)
    who, when = unit // max(num_looks, 1), unit % max(num_looks, 1)
    is_first = np.append(True, who[1:] != who[:-1])[: len(unit)]
    covariate = np.zeros(len(distinct))
    if x is not None:
        covariate[viewer] = x
    step_y = _sums(place, y, len(unit))
    step_d = is_first.astype(np.float64) if d is None else _sums(place, d, len(unit))
    sum_y, sum_d = _running(step_y, is_first), _running(step_d, is_first)
    before_y, before_d, own = sum_y - step_y, sum_d - step_d, covariate[who]
    steps = (
        is_first.astype(np.float64),
        step_y,
        step_d,
        sum_y**2 - before_y**2,
        sum_y * sum_d - before_y * before_d,
        sum_d**2 - before_d**2,
        own * is_first,
        own**2 * is_first,
        own * step_y,
        own * step_d,
    )
    return Moments(*(np.cumsum(_sums(when, step, num_looks)) for step in steps))


def _sums(codes: NDArray[np.int64], values: Floats, num: int) -> Floats:
    return np.bincount(codes, values, num).astype(np.float64)


def _running(steps: Floats, is_first: NDArray[np.bool_]) -> Floats:
    """Running sums that begin anew at each viewer."""
    total = np.cumsum(steps)
    starts = np.flatnonzero(is_first)
    before = total[starts] - steps[starts]
    return total - np.repeat(before, np.diff(np.append(starts, len(steps))))


def difference(candidate: Moments, control: Moments) -> Estimate:
    """Difference of the ratios of two arms at every look.

    The covariate takes out of the numerator what it explains in both arms together (CUPED). The variance is the delta
    method's around the ratio of both arms together, so that an arm in which nothing has happened yet is not taken to be
    certain of it.

    Source: Deng, Knoblich and Lu 2018, section 3 (delta method for clustered ratios);
    Deng, Xu, Kohavi and Walker 2013 (CUPED).
    """
    both = candidate + control
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, mean_x = both.y / both.d, both.x / both.n
        spread_x = both.xx - both.n * mean_x**2
        shared = both.xy - ratio * both.xd - mean_x * (both.y - ratio * both.d)
        slope = np.where(spread_x > 1e-12, shared / np.where(spread_x > 1e-12, spread_x, 1.0), 0.0)
        plain = both.yy - 2 * ratio * both.yd + ratio**2 * both.dd
        left = np.maximum(plain - slope * shared, 0.0)
        adjusted = [(arm.y - slope * (arm.x - arm.n * mean_x)) / arm.d for arm in (candidate, control)]
        variance = left / both.n * (candidate.n / candidate.d**2 + control.n / control.d**2)
        information = left / both.n * (candidate.n * control.n / both.n)
        return Estimate(
            difference=adjusted[0] - adjusted[1],
            variance=variance,
            information=information,
            candidate=candidate.y / candidate.d,
            control=control.y / control.d,
            num_viewers=np.minimum(candidate.n, control.n),
            kept=left / plain,
        )


def at_any_time(found: Estimate, alpha: float, expected: float) -> Interval:
    """The newest look with an interval that may be read at any time.

    Args:
      found: the looks; only the newest counts.
      alpha: chance that the interval misses the truth at any look, ever.
      expected: difference that is found soonest, in the unit of the ratio.
    """
    return _interval(found, float(always_valid(found.variance[-1], alpha, expected)))


def at_planned_looks(found: Estimate, alpha: float, spending: Floats) -> Interval:
    """The newest look with bounds of which each is wrong at any look with probability `alpha` at most.

    Args:
      found: every look so far.
      alpha: chance that the lower bound is ever above the truth; the same holds for the upper one below it.
      spending: [k] share of the plan that is over at each look, in [0, 1].
    """
    known = np.nan_to_num(found.information, nan=0.0)
    # An early look whose variance is still unknown tells nothing, so it spends nothing.
    bounds = critical_values(alpha, np.where(known > 0, spending, 0.0), known)
    return _interval(found, float(bounds[-1] * np.sqrt(found.variance[-1])) if found.variance[-1] > 0 else 0.0)


def _interval(found: Estimate, half: float) -> Interval:
    estimate, viewers = float(found.difference[-1]), int(found.num_viewers[-1])
    candidate, control = float(found.candidate[-1]), float(found.control[-1])
    if viewers < 2 or np.isnan(estimate):
        return Interval(estimate, -np.inf, np.inf, candidate, control, viewers)
    return Interval(estimate, estimate - half, estimate + half, candidate, control, viewers)
