"""Measures of a ranked list and of a probability. A measure without the data it needs is NaN, never a number that
looks good; so is one of predictions of which any is not a number.

A `weight` says how many exposures a row stands for: a missed one of a sample of a quarter stands for four."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LEAST_PROBABILITY = 1e-7


def recall_at(ranks: ArrayLike, k: int) -> float:
    """Share of wanted videos among the first `k` of their query's ranking.

    Args:
      ranks: [n] rank of each wanted video, 0 first; NaN for one that is left out.
      k: length of the list.
    """
    found = _measured(ranks) < k
    return float(found.mean()) if found.size else float("nan")


def ndcg_at(ranks: ArrayLike, k: int) -> float:
    """Normalised discounted cumulative gain with one wanted video per query: mean of 1 / log2(2 + rank) within `k`.
    A rank of NaN is left out.

    Source: Järvelin and Kekäläinen 2002; with one wanted video the ideal gain is 1.
    """
    ranked = _measured(ranks)
    gains = np.where(ranked < k, 1 / np.log2(2 + ranked), 0)
    return float(gains.mean()) if gains.size else float("nan")


def _measured(ranks: ArrayLike) -> NDArray[np.float64]:
    """The ranks without those left out."""
    every = np.asarray(ranks, np.float64)
    return every[~np.isnan(every)]


def roc_auc(labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Probability that a positive scores above a negative, ties half. Labels [n] bool, scores [n], weight [n]; NaN with
    one class only."""
    positive, value, w = _columns(labels, scores, weight)
    if not _has_both(positive, w) or not np.isfinite(value).all():
        return float("nan")
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, value, sample_weight=w))


def pr_auc(labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Average precision: precision at each positive, ties taken together. Labels [n] bool, scores [n], weight [n]; NaN
    without a positive."""
    positive, value, w = _columns(labels, scores, weight)
    if not w[positive].any() or not np.isfinite(value).all():
        return float("nan")
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, value, sample_weight=w))


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Cross-entropy of each prediction in nats, [n]. A prediction that is not a number stays one that is not."""
    positive, p = np.asarray(labels, bool), np.asarray(probabilities, np.float64)
    p = np.clip(p, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.asarray(-np.where(positive, np.log(p), np.log1p(-p)))


def background_entropy(rate: ArrayLike) -> NDArray[np.float64]:
    """Log loss of always predicting an observed rate, in nats; NaN for rates that are not between 0 and 1."""
    share = np.asarray(rate, np.float64)
    known = np.where((share > 0) & (share < 1), share, np.nan)
    return np.asarray(-(known * np.log(known) + (1 - known) * np.log1p(-known)))


def normalised_entropy(labels: ArrayLike, probabilities: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Log loss divided by that of always predicting the observed rate: below 1 is better than knowing only the rate.

    Source: He et al. 2014, "Practical lessons from predicting clicks on ads at Facebook", section 2. NaN with one
    class only.
    """
    positive, p, w = _columns(labels, probabilities, weight)
    if not _has_both(positive, w):
        return float("nan")
    background = background_entropy(np.average(positive, weights=w))
    return float(np.average(log_loss(positive, p), weights=w) / background)


def calibration(labels: ArrayLike, predictions: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Sum of predictions over sum of labels: 1 is right, 2 promises twice too much. NaN when nothing was observed."""
    observed, predicted = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    w = np.ones(len(observed)) if weight is None else np.asarray(weight, np.float64)
    total = float((w * observed).sum())
    return float((w * predicted).sum()) / total if total else float("nan")


def quality(labels: ArrayLike, predictions: ArrayLike, weight: ArrayLike | None = None) -> dict[str, float]:
    """`roc_auc`, `pr_auc`, `ne` and `calibration` of predicted watches, labels [n], predictions [n] and weight [n]."""
    watched = np.asarray(labels) > 0
    return {
        "roc_auc": roc_auc(watched, predictions, weight),
        "pr_auc": pr_auc(watched, predictions, weight),
        "ne": normalised_entropy(watched, predictions, weight),
        "calibration": calibration(labels, predictions, weight),
    }


def _columns(labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None) -> tuple[NDArray[Any], ...]:
    positive, value = np.asarray(labels, bool), np.asarray(scores, np.float64)
    return positive, value, np.ones(len(positive)) if weight is None else np.asarray(weight, np.float64)


def _has_both(positive: NDArray[np.bool_], weight: NDArray[np.float64]) -> bool:
    return bool(weight[positive].any() and weight[~positive].any())
