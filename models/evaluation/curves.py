"""Precision-recall and ROC curves, thinned for a page."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Points of a curve that a page shows.
_MOST_POINTS = 120


def curves(labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None = None) -> dict[str, list[list[float]]]:
    """`pr`: recall and precision, `roc`: false and true positive rate; points by rising x.

    Args:
      labels: [n] bool.
      scores: [n].
      weight: [n] exposures that each row stands for.

    Returns:
      Empty lists with one class only, or when a score is not a number.
    """
    positive, value = np.asarray(labels, bool), np.asarray(scores, np.float64)
    w = np.ones(len(value)) if weight is None else np.asarray(weight, np.float64)
    if not w[positive].any() or not w[~positive].any() or not np.isfinite(value).all():
        return {"pr": [], "roc": []}
    from sklearn.metrics import precision_recall_curve, roc_curve

    precision, recall, _ = precision_recall_curve(positive, value, sample_weight=w, drop_intermediate=True)
    wrong, right, _ = roc_curve(positive, value, sample_weight=w)
    return {"pr": _thinned(recall[::-1], precision[::-1]), "roc": _thinned(wrong, right)}


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[float]]:
    """The points nearest to equal steps of x, both ends among them."""
    if len(x) <= _MOST_POINTS:
        return _points(x, y)
    at = np.unique(np.searchsorted(x, np.linspace(x[0], x[-1], _MOST_POINTS)).clip(0, len(x) - 1))
    return _points(x[at], y[at])


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[float]]:
    return [list(point) for point in zip(x.tolist(), y.tolist(), strict=True)]
