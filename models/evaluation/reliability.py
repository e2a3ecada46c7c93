"""What was promised against what happened, in groups of alike predictions: reliability, calibration and lift."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation.interval import Resamples, percentiles
from models.evaluation.measures import Measure
from models.evaluation.places import Column


@dataclass(frozen=True)
class Reliability:
    """Groups of about equal weight, the lowest predictions first; equal predictions are in one group.

    Attributes:
      calibration: sum of predictions over sum of what was observed.
      groups: of each `predicted`, its mean; `observed` with `low` and `high`, its mean and interval; `lift` with
        `lift_low` and `lift_high`, the observed mean over that of every row; and `num_exposures`. What is not known is
        None.
    """

    calibration: Measure
    groups: list[dict[str, Any]]


def reliability(
    viewers: ArrayLike,
    observed: ArrayLike,
    predictions: ArrayLike,
    weight: ArrayLike,
    *,
    num_groups: int,
    seed: int,
    draws: int = 200,
) -> Reliability:
    """Reliability of n predictions of a probability or an amount.

    Args:
      viewers: [n] keys.
      observed: [n] labels or amounts; a row of NaN is left out.
      predictions: [n].
      weight: [n] exposures that each row stands for.
      num_groups: groups of a tenth each for 10; fewer when predictions are equal.
      seed, draws: of the resamples.
    """
    columns = [np.asarray(column, np.float64) for column in (observed, predictions, weight)]
    known = np.isfinite(columns[0])
    (y, p, w), keys = (column[known] for column in columns), np.asarray(viewers)[known]
    num_unknown = int((~np.isfinite(p)).sum())
    if num_unknown or not len(p):
        reason = f"{num_unknown:,} of {len(p):,} predictions are not finite numbers" if len(p) else "no exposures"
        return Reliability(Measure(None, None, None, reason), [])
    distinct, codes = np.unique(keys, return_inverse=True)
    used, group = np.unique(groups_of(p, w, num_groups), return_inverse=True)
    num = len(used)
    sums = np.stack([_by_viewer(codes, group, amount, (len(distinct), num)) for amount in (w, w * y, w * p)], axis=2)
    total = sums.sum(axis=0)
    drawn = Resamples(len(distinct), seed, draws).sums(sums.reshape(len(distinct), -1)).reshape(draws, num, 3)
    rate = drawn[..., 1] / np.where(drawn[..., 0], drawn[..., 0], np.nan)
    every = drawn.sum(axis=1)
    # Without a positive the ratio has no value; a resample of nobody has none either.
    whole = every[:, 2] / np.where(every[:, 1], every[:, 1], np.nan)
    mean = every[:, 1] / np.where(every[:, 1], every[:, 0], np.nan)
    bounds, lifts = percentiles(rate), percentiles(rate / mean[:, None])
    overall = total[:, 1].sum() / total[:, 0].sum()
    has_interval = len(distinct) > 1
    groups = []
    for number, (size, happened, promised) in enumerate(total.tolist()):
        groups.append(
            {
                "num_exposures": round(size),
                "predicted": promised / size,
                "observed": happened / size,
                "low": _known(bounds[0][number], has_interval),
                "high": _known(bounds[1][number], has_interval),
                "lift": happened / size / overall if overall else None,
                "lift_low": _known(lifts[0][number], has_interval),
                "lift_high": _known(lifts[1][number], has_interval),
            }
        )
    return Reliability(_calibration(total, whole, has_interval), groups)


def groups_of(predictions: Column, weight: Column, num: int) -> NDArray[np.int64]:
    """Number of each row's group [n], from 0 for the lowest predictions up to `num` - 1; a group may have no row.

    Equal predictions stand at the middle of the places that they take, so that they are in one group.
    """
    distinct, codes = np.unique(predictions, return_inverse=True)
    size = np.bincount(codes, weight, len(distinct))
    middle = np.cumsum(size) - size / 2
    return np.asarray(np.minimum((num * middle / size.sum()).astype(np.int64), num - 1)[codes], np.int64)


def _by_viewer(codes: NDArray[np.int64], group: NDArray[np.int64], amount: Column, shape: tuple[int, int]) -> Column:
    return np.bincount(codes * shape[1] + group, amount, shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _calibration(total: Column, drawn: Column, has_interval: bool) -> Measure:
    happened = total[:, 1].sum()
    if not happened:
        return Measure(None, None, None, "nothing was observed")
    estimate = float(total[:, 2].sum() / happened)
    if not has_interval:
        return Measure(estimate, None, None, "one viewer alone has no interval")
    low, high = (float(bound) for bound in percentiles(drawn))
    if not np.isfinite(low):
        return Measure(estimate, None, None, "too few viewers: some resamples hold nothing to measure")
    return Measure(estimate, low, high)


def _known(value: float, has_interval: bool) -> float | None:
    return float(value) if has_interval and np.isfinite(value) else None
