"""Measures of the order within a viewer's exposures or within a page. Each is a ratio of sums over groups; its parts, a
numerator and a denominator for each group, are what intervals are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.evaluation.places import Column, Places, gained, places


@dataclass(frozen=True)
class Parts:
    """A ratio of sums: numerator and denominator of each of g groups, [g] each."""

    numerator: Column
    denominator: Column

    @property
    def ratio(self) -> float:
        """The measure over all groups; NaN when no group counts."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else float("nan")


def grouped_auc(viewers: ArrayLike, labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean ROC-AUC within viewers, each counting by its exposures; viewers with one class only are left out.

    Args:
      viewers: [n] keys.
      labels: [n] bool.
      scores: [n].
      weight: [n] exposures that each row stands for.

    Returns:
      NaN when no viewer has both classes or a score is not a number.

    Source: Zhou et al. 2018, "Deep interest network", section 6.2.
    """
    if _has_unknown(scores):
        return float("nan")
    return auc_parts(places(viewers, labels, scores, weight), labels, weight).ratio


def page_ndcg(
    requests: ArrayLike, labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None = None, k: int = 100
) -> float:
    """Mean over pages with a positive of the discounted gain of their first `k` videos over the best order's.

    Args:
      requests: [n] key of the page.
      labels, scores, weight: [n] as in `grouped_auc`.
      k: length of the list.

    Source: Järvelin and Kekäläinen 2002; equal scores share their places' gains (McSherry and Najork 2008).
    """
    if _has_unknown(scores):
        return float("nan")
    return ndcg_parts(places(requests, labels, scores, weight), labels, weight, k).ratio


def watch_time_loss(
    requests: ArrayLike,
    labels: ArrayLike,
    watch_s: ArrayLike,
    scores: ArrayLike,
    weight: ArrayLike | None = None,
) -> float:
    """Weighted per-user loss: of all pairs of a watched and a missed video of one page, the share of watch time in
    those that the scores put the wrong way round; equal scores are half wrong.

    Args:
      requests: [n] key of the page.
      labels: [n] bool, watched.
      watch_s: [n] seconds that were watched.
      scores, weight: [n] as in `grouped_auc`.

    Source: Covington et al. 2016, "Deep neural networks for YouTube recommendations", section 4.3.
    """
    if _has_unknown(scores):
        return float("nan")
    return watch_time_parts(places(requests, labels, scores, weight), labels, watch_s, weight).ratio


def auc_parts(at: Places, labels: ArrayLike, weight: ArrayLike | None = None) -> Parts:
    """AUC of each group times its weight, and its weight; both 0 with one class only."""
    positive, w = np.asarray(labels, bool), _weight(at, weight)
    below = at.negatives[at.codes] - at.negatives_above - at.negatives_beside / 2
    pairs = at.positives * at.negatives
    counts = pairs > 0
    auc = np.divide(at.sums(w * positive * below), pairs, out=np.zeros(at.num_groups), where=counts)
    size = (at.positives + at.negatives) * counts
    return Parts(auc * size, size)


def ndcg_parts(at: Places, labels: ArrayLike, weight: ArrayLike | None = None, k: int = 100) -> Parts:
    """NDCG of each page, and 1; both 0 without a positive."""
    gain = at.sums(np.asarray(labels, bool) * _weight(at, weight) * at.discount(k))
    ideal = np.interp(at.positives, np.arange(k + 1), gained(k))
    counts = at.positives > 0
    return Parts(np.divide(gain, ideal, out=np.zeros(at.num_groups), where=counts), counts.astype(np.float64))


def watch_time_parts(at: Places, labels: ArrayLike, watch_s: ArrayLike, weight: ArrayLike | None = None) -> Parts:
    """Watch time of the pairs that are the wrong way round, and of all pairs, by page [s]."""
    seconds = np.where(np.asarray(labels, bool), np.asarray(watch_s, np.float64), 0.0) * _weight(at, weight)
    wrong = at.sums(seconds * (at.negatives_above + at.negatives_beside / 2))
    return Parts(wrong, at.sums(seconds) * at.negatives)


def hits(at: Places, labels: ArrayLike, weight: ArrayLike | None, k: int) -> Column:
    """Positives among the first `k` of each page, [g]; a page's positives that share a score count by chance."""
    return at.sums(np.asarray(labels, bool) * _weight(at, weight) * at.share_above(k))


def _weight(at: Places, weight: ArrayLike | None) -> Column:
    return np.ones(len(at.codes)) if weight is None else np.asarray(weight, np.float64)


def _has_unknown(scores: ArrayLike) -> bool:
    return not np.isfinite(np.asarray(scores, np.float64)).all()
