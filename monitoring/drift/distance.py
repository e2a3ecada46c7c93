"""How far two samples of exposures lie apart, column by column, and how far chance alone would put them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Quantiles that two distributions are compared at.
_QUANTILES = 400
#: A deviation below this counts as this, as in Evidently: a constant column would divide by zero.
LEAST_DEVIATION = 1e-3


@dataclass(frozen=True)
class Distances:
    """Of c columns.

    Attributes:
      values: [c] distance; NaN where a side holds no value, or where nothing happened on a side (rates).
      chance: [c] standard error of the distance when nothing moved, with the exposures of one viewer, and those of one
        video, standing and falling together.
    """

    values: Floats
    chance: Floats


@dataclass(frozen=True)
class Groups:
    """Which of n exposures stand and fall together.

    Attributes:
      viewers, videos: [n] codes from 0.
    """

    viewers: NDArray[np.int64]
    videos: NDArray[np.int64]

    def take(self, index: NDArray[np.bool_]) -> "Groups":
        """The exposures where `index` [n] is true."""
        return groups(self.viewers[index], self.videos[index])


def groups(viewers: NDArray[np.int64], videos: NDArray[np.int64]) -> Groups:
    """Groups by the keys [n] of viewers and videos."""
    return Groups(*(np.unique(keys, return_inverse=True)[1].astype(np.int64) for keys in (viewers, videos)))


def number_distances(current: Floats, before: Floats, current_groups: Groups, before_groups: Groups) -> Distances:
    """Wasserstein distance of each column over the deviation of the reference, in deviations.

    Args:
      current, before: [n, c] and [m, c] of today and of the reference; NaN is not known and left out.
      current_groups, before_groups: of their rows.
    """
    deviation = np.maximum(_moments(before)[1], LEAST_DEVIATION)
    gap = np.abs(_quantiles(current) - _quantiles(before)).mean(axis=0)
    variance = mean_variance(current, current_groups) + mean_variance(before, before_groups)
    return Distances(gap / deviation, np.sqrt(variance) / deviation)


def share_distance(
    current: NDArray[np.int64], before: NDArray[np.int64], current_groups: Groups, before_groups: Groups, most: int = 30
) -> tuple[float, float, dict[int, tuple[float, float]]]:
    """Total variation distance of a category's shares: half of the sum of their absolute differences.

    Args:
      current, before: [n] and [m] codes of the category; the `most` frequent ones of both count, the others are one.
      current_groups, before_groups: of their rows.
      most: values.

    Returns:
      The distance, what chance alone makes of it (its mean and one standard error, added), and value -> its shares
      before and today; -1 stands for all the others.
    """
    if not len(current) or not len(before):
        return float("nan"), float("nan"), {}
    values, counts = np.unique(np.concatenate([current, before]), return_counts=True)
    kept = values[np.argsort(-counts, kind="stable")[:most]]
    sides = [
        np.column_stack([side[:, None] == kept, ~np.isin(side, kept)]).astype(np.float64) for side in (current, before)
    ]
    shares = [side.mean(axis=0) for side in sides]
    errors = np.sqrt(mean_variance(sides[0], current_groups) + mean_variance(sides[1], before_groups))
    # The mean of |normal| is sqrt(2 / pi) deviations.
    chance = 0.5 * (np.sqrt(2 / np.pi) * errors.sum() + np.sqrt((errors**2).sum()))
    named = [*kept.tolist(), -1]
    told = {value: (float(b), float(c)) for value, c, b in zip(named, *shares, strict=True) if b or c}
    return float(0.5 * np.abs(shares[0] - shares[1]).sum()), float(chance), told


def rate_distances(current: Floats, before: Floats, current_groups: Groups, before_groups: Groups) -> Distances:
    """|log of today's mean over the reference's|, of each column [n, c] and [m, c] of labels: 0.26 is 30 % more."""
    means = [_moments(side)[0] for side in (current, before)]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where((means[0] > 0) & (means[1] > 0), np.abs(np.log(means[0] / means[1])), np.nan)
        chance = np.sqrt(
            mean_variance(current, current_groups) / means[0] ** 2
            + mean_variance(before, before_groups) / means[1] ** 2
        )
    return Distances(values, np.where(np.isfinite(values), chance, np.nan))


def mean_variance(values: Floats, rows: Groups) -> Floats:
    """[c] variance of each column's mean over n rows that are grouped by viewer and by video; NaN without a value.

    Source: Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering", equation 2.4; at least the
    variance of independent rows.
    """
    known = np.isfinite(values)
    num = known.sum(axis=0)
    mean = _moments(values)[0]
    off = np.where(known, values - mean, 0.0)
    alone = (off**2).sum(axis=0)
    clustered = _group_squares(off, rows.viewers) + _group_squares(off, rows.videos) - alone
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(num > 0, np.maximum(clustered, alone) / num.astype(np.float64) ** 2, np.nan))


def _group_squares(off: Floats, codes: NDArray[np.int64]) -> Floats:
    """[c] sum over groups of the squared sum of a group."""
    if not len(codes):
        return np.zeros(off.shape[1])
    order = np.argsort(codes, kind="stable")
    begins = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.asarray((np.add.reduceat(off[order], begins, axis=0) ** 2).sum(axis=0))


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """[c] mean and deviation of what is known; NaN without a value."""
    known = np.isfinite(values)
    num = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / num
        spread = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / num
    return np.asarray(mean), np.asarray(np.sqrt(spread))


def _quantiles(values: Floats) -> Floats:
    """[_QUANTILES, c] of what is known of each column, at the middles of equal shares; NaN without a value."""
    if not len(values):
        return np.full((_QUANTILES, values.shape[1]), np.nan)
    # Those that are not known are sorted to the end.
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)
    num = np.isfinite(ordered).sum(axis=0)
    place = (np.arange(_QUANTILES) + 0.5)[:, None] / _QUANTILES * num - 0.5
    low = np.clip(np.floor(place), 0, np.maximum(num - 1, 0)).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(num - 1, 0))
    part = np.clip(place - low, 0.0, 1.0)
    columns = np.arange(values.shape[1])
    found = (1 - part) * ordered[low, columns] + part * ordered[high, columns]
    return np.asarray(np.where(num > 0, found, np.nan))
