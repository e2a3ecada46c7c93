"""Quality of the watched head: calibration, entropy and areas under curves, of every exposure and per slice."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation import pr_auc, roc_auc, viewer_bootstrap
from models.evaluation.metrics import log_loss
from monitoring.evidence import Rows

#: A slice with fewer positive exposures is left out: its ratio would say nothing.
_LEAST_POSITIVES = 5


@dataclass(frozen=True)
class Quality:
    """How good the predictions of some exposures are.

    Attributes:
      name: of the slice; `all` for every row.
      num_exposures, num_positives: weighted.
      num_viewers: viewers.
      calibration: predicted over observed watches, with `low` and `high` of its interval.
      ne: normalised entropy; below 1 is better than knowing only the rate.
      roc_auc, pr_auc: None with one class only.
    """

    name: str
    num_exposures: int
    num_positives: int
    num_viewers: int
    calibration: float | None
    low: float | None
    high: float | None
    ne: float | None
    roc_auc: float | None
    pr_auc: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def quality(name: str, rows: Rows, predicted: NDArray[np.float32], mask: NDArray[np.bool_], seed: int) -> Quality:
    """Quality of the rows of one slice, shape [n] each."""
    watched, weight, p = rows.watched[mask], rows.weight[mask].astype(np.float64), predicted[mask].astype(np.float64)
    users = rows.users[mask]
    total, positives = float(weight.sum()), float((weight * watched).sum())
    # Observed over predicted: a resample without a watch then still has a ratio.
    ratio = viewer_bootstrap(users, watched * weight, p * weight, seed=seed)
    rate = positives / total if total else 0.0
    background = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate)) if 0 < rate < 1 else np.nan
    ne = float((log_loss(watched, p) * weight).sum() / total / background) if total else np.nan
    numbers = (1 / ratio.estimate if positives else np.nan, 1 / ratio.high if positives else np.nan)
    high = 1 / ratio.low if positives and ratio.low > 0 else np.nan
    measured = (*numbers, high, ne, roc_auc(watched, p), pr_auc(watched, p))
    known = [float(value) if np.isfinite(value) else None for value in measured]
    return Quality(name, round(total), round(positives), len(np.unique(users)), *known)


def slices(rows: Rows, predicted: NDArray[np.float32], seed: int) -> list[Quality]:
    """Every row first, then per source and per device, those with positives enough."""
    every = np.ones(len(rows), bool)
    found = [quality("all", rows, predicted, every, seed)]
    for kind, column in (("source", rows.sources), ("device", rows.devices)):
        for value in sorted(set(column.tolist())):
            mask = column == value
            if rows.watched[mask].sum() >= _LEAST_POSITIVES:
                found.append(quality(f"{kind} {value}", rows, predicted, mask, seed))
    return found
