"""Slices of the exposures that no release may harm, however good it is on the whole."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.evidence import Rows

#: Countries and devices that are slices of their own, those with the most exposures; the others are one together.
_MOST_VALUES = 10
_TAIL = 0.1


@dataclass(frozen=True)
class Slice:
    """Some of n exposures.

    Attributes:
      name: such as `new_viewers` or `country_DE`.
      mask: [n] bool.
    """

    name: str
    mask: NDArray[np.bool_]


def guarded_slices(rows: Rows, new_impressions: int) -> list[Slice]:
    """New viewers, cold videos, the tail, and each country and device.

    `new_viewers` have watched nothing before, `cold_videos` had fewer than `new_impressions` in seven days, and `tail`
    is the tenth of the exposures whose videos were watched least in seven days, equals included.
    """
    if not len(rows):
        return []
    watches = rows.feature("video_watches_7d")
    return [
        Slice("new_viewers", rows.feature("history_size") == 0),
        Slice("cold_videos", rows.feature("video_impressions_7d") < new_impressions),
        Slice("tail", watches <= _quantile(watches, rows.weight, _TAIL)),
        *_by_value("country", rows.countries),
        *_by_value("device", rows.devices),
    ]


def _by_value(kind: str, column: NDArray[np.object_]) -> Iterator[Slice]:
    values, codes, counts = np.unique(column.astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    for code in order[:_MOST_VALUES]:
        yield Slice(f"{kind}_{values[code] or 'unknown'}", codes == code)
    if len(order) > _MOST_VALUES:
        yield Slice(f"{kind}_all_others", np.isin(codes, order[_MOST_VALUES:]))


def _quantile(values: NDArray[np.float32], weight: NDArray[np.float32], share: float) -> float:
    """Least value up to which a share of the weight lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order], dtype=np.float64)
    return float(values[order][np.searchsorted(reached, share * reached[-1])])
