"""Ratios of sums with their intervals, for every group of rows at once; the viewer is the unit."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratios:
    """One ratio for each of g groups.

    Attributes:
      value: [g] sum of the numerators over sum of the denominators; NaN without a denominator.
      low, high: [g] bounds; NaN with fewer than two viewers.
      numerator, denominator: [g] sums.
      num_viewers: [g] viewers behind the ratio.
    """

    value: Floats
    low: Floats
    high: Floats
    numerator: Floats
    denominator: Floats
    num_viewers: NDArray[np.int64]


@dataclass(frozen=True)
class ViewerSums:
    """Sums per viewer and group: one row is one viewer in one group.

    Attributes:
      group: [u] group of each row.
      columns: name -> [u]; `viewers` is 1.
      num_groups: g.
    """

    group: NDArray[np.int64]
    columns: dict[str, Floats]
    num_groups: int

    def ratios(self, numerator: str, denominator: str, confidence: float) -> Ratios:
        """The ratio of two columns in every group, with its interval by the delta method over viewers.

        Source: Deng, Knoblich and Lu 2018, "Applying the delta method in metric analytics", section 3.
        """
        from scipy.stats import norm

        top, bottom = self.columns[numerator], self.columns[denominator]
        sums, below, seen = (self._sum(column) for column in (top, bottom, np.ones(len(top))))
        with np.errstate(divide="ignore", invalid="ignore"):
            value = sums / below
            residual = top - value[self.group] * bottom
            variance = self._sum(residual**2) / below**2 * seen / (seen - 1)
            half = np.where(seen >= 2, norm.ppf(0.5 + confidence / 2) * np.sqrt(variance), np.nan)
        return Ratios(value, value - half, value + half, sums, below, seen.astype(np.int64))

    def _sum(self, column: Floats) -> Floats:
        return np.bincount(self.group, column, self.num_groups).astype(np.float64)


def viewer_sums(
    users: NDArray[np.int64], group: NDArray[np.int64], columns: dict[str, Floats], num_groups: int
) -> ViewerSums:
    """Rows summed per viewer and group.

    Args:
      users: [n] keys of the viewers.
      group: [n] in 0..num_groups-1, or -1 for a row that is in none.
      columns: name -> [n] what is summed.
      num_groups: how many groups there are.
    """
    kept = group >= 0
    if not kept.all():
        users, group = users[kept], group[kept]
        columns = {name: column[kept] for name, column in columns.items()}
    _, viewer = np.unique(users, return_inverse=True)
    distinct, unit = np.unique(viewer * num_groups + group, return_inverse=True)
    summed = {name: np.bincount(unit, column, len(distinct)).astype(np.float64) for name, column in columns.items()}
    return ViewerSums(
        (distinct % num_groups).astype(np.int64), summed | {"viewers": np.ones(len(distinct))}, num_groups
    )


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column of numbers or flags, [n]; what is missing counts 0."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False), np.float64)
