"""Measures of a ranked list and of a probability. A measure without the data it needs is NaN, never a number that
looks good."""

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


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Probability that a positive scores above a negative, ties half. Labels [n] bool, scores [n]; NaN with one class
    only."""
    positive, value = np.asarray(labels, bool), np.asarray(scores, np.float64)
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return float("nan")
    _, inverse, counts = np.unique(value, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    above = mean_rank[inverse][positive].sum() - num_positive * (num_positive + 1) / 2
    return float(above / (num_positive * num_negative))


def pr_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Average precision: precision at each positive, ties taken together. NaN without a positive."""
    positive, value = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if not positive.any():
        return float("nan")
    order = np.argsort(-value, kind="stable")
    hits, ordered = np.cumsum(positive[order]), value[order]
    last_of_tie = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    precision = hits[last_of_tie] / (last_of_tie + 1)
    gained = np.diff(hits[last_of_tie], prepend=0) / hits[-1]
    return float((precision * gained).sum())


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Cross-entropy of each prediction in nats, [n]. A prediction that is not a number stays one that is not."""
    positive, p = np.asarray(labels, bool), np.asarray(probabilities, np.float64)
    p = np.clip(p, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.asarray(-np.where(positive, np.log(p), np.log1p(-p)))


def normalised_entropy(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Log loss divided by that of always predicting the observed rate: below 1 is better than knowing only the rate.

    Source: He et al. 2014, "Practical lessons from predicting clicks on ads at Facebook", section 2. NaN with one
    class only.
    """
    positive = np.asarray(labels, bool)
    rate = positive.mean() if positive.size else 0.0
    if rate in (0.0, 1.0):
        return float("nan")
    background = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return float(log_loss(positive, probabilities).mean() / background)


def calibration(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Sum of predictions over sum of labels: 1 is right, 2 promises twice too much. NaN when nothing was observed."""
    observed = float(np.asarray(labels, np.float64).sum())
    return float(np.asarray(predictions, np.float64).sum() / observed) if observed else float("nan")


def quality(labels: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """`roc_auc`, `pr_auc`, `ne` and `calibration` of predicted watches, labels [n] and predictions [n]."""
    watched = np.asarray(labels) > 0
    return {
        "roc_auc": roc_auc(watched, predictions),
        "pr_auc": pr_auc(watched, predictions),
        "ne": normalised_entropy(watched, predictions),
        "calibration": calibration(labels, predictions),
    }
