"""How impressions spread over the catalogue: coverage and concentration, with intervals over viewers."""

import numpy as np
from numpy.typing import NDArray

from monitoring.online.ratios import Floats, Ratios

#: Groups of viewers that are left out one after the other.
_FOLDS = 20


def spread(
    users: NDArray[np.int64],
    videos: NDArray[np.int64],
    group: NDArray[np.int64],
    num_groups: int,
    num_servable: int,
    top_share: float,
    confidence: float,
) -> dict[str, Ratios]:
    """`coverage` (distinct videos shown over videos that can be served) and `concentration` (share of the impressions
    that the most shown `top_share` of the catalogue got) of every group of rows.

    Coverage grows with the number of impressions: compare arms of the same size only.

    Args:
      users, videos, group: [n] viewer, video and group (-1 for none) of each impression.
      num_groups: how many groups there are.
      num_servable: videos that can be served.
      top_share: share of the catalogue.
      confidence: of the intervals.

    Source: the delete-a-group jackknife over viewers, Kott 2001.
    """
    found: dict[str, list[tuple[float, float, float, float, float, int]]] = {"coverage": [], "concentration": []}
    num_top = max(1, round(top_share * num_servable))
    for number in range(num_groups):
        mine = group == number
        counts, viewers = _left_out(users[mine], videos[mine])
        shown = (counts > 0).sum(1).astype(np.float64)
        total = counts.sum(1).astype(np.float64)
        best = -np.partition(-counts, num_top - 1, 1)[:, :num_top] if counts.shape[1] > num_top else counts
        found["coverage"].append(_row(shown, np.full(len(shown), float(num_servable)), viewers, confidence))
        found["concentration"].append(_row(best.sum(1).astype(np.float64), total, viewers, confidence))
    return {name: _ratios(rows) for name, rows in found.items()}


def _left_out(users: NDArray[np.int64], videos: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """[1 + folds, v] impressions per video: of everyone, then with one fold of the viewers left out."""
    distinct, viewer = np.unique(users, return_inverse=True)
    shown, video = np.unique(videos, return_inverse=True)
    # Viewers are in the order of their keys, which are hashes: folds by turns are folds at random.
    counts = np.bincount((viewer % _FOLDS) * len(shown) + video, minlength=_FOLDS * len(shown))
    by_fold = counts.reshape(_FOLDS, len(shown)).astype(np.int64)
    total = by_fold.sum(0, keepdims=True)
    return np.concatenate([total, total - by_fold]), len(distinct)


def _row(top: Floats, bottom: Floats, viewers: int, confidence: float) -> tuple[float, float, float, float, float, int]:
    """Value, bounds, numerator, denominator and viewers, from the values of everyone and of each fold left out."""
    from scipy.stats import t

    value = top[0] / bottom[0] if bottom[0] else np.nan
    half = np.nan
    if viewers >= 2 * _FOLDS and bottom.all():
        left_out = top[1:] / bottom[1:]
        error = np.sqrt((_FOLDS - 1) / _FOLDS * np.sum((left_out - left_out.mean()) ** 2))
        half = float(t.ppf(0.5 + confidence / 2, _FOLDS - 1) * error)
    return float(value), float(value - half), float(value + half), float(top[0]), float(bottom[0]), viewers


def _ratios(rows: list[tuple[float, float, float, float, float, int]]) -> Ratios:
    value, low, high, top, bottom, viewers = np.array(rows, np.float64).reshape(len(rows), 6).T
    return Ratios(value, low, high, top, bottom, viewers.astype(np.int64))
