"""Places of exposures within their page or among those of their viewer, for every group at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """Where each of n rows stands in its group, the highest score first. Rows of equal score share their places.

    Attributes:
      codes: [n] number of the row's group, from 0.
      num_groups: groups.
      begin, end: [n] places that the rows of the row's score take together, from `begin` up to `end`; a row takes as
        many places as it weighs, so that a page of sampled exposures is as long as it was.
      negatives_above, negatives_beside: [n] weight of the negatives of higher and of equal score.
      positives, negatives: [num_groups] weight of each kind.
    """

    codes: NDArray[np.int64]
    num_groups: int
    begin: Column
    end: Column
    negatives_above: Column
    negatives_beside: Column
    positives: Column
    negatives: Column

    def sums(self, values: ArrayLike) -> Column:
        """[n] summed by group, [num_groups]."""
        return np.bincount(self.codes, np.asarray(values, np.float64), self.num_groups).astype(np.float64)

    def share_above(self, k: int) -> Column:
        """[n] chance that a row is among the first `k` of its group when rows of equal score are shuffled."""
        return np.asarray((np.minimum(self.end, k) - np.minimum(self.begin, k)) / (self.end - self.begin))

    def discount(self, k: int) -> Column:
        """[n] mean of 1 / log2(2 + place) over the places that the row's score takes, nothing from place `k` on.

        Source: McSherry and Najork 2008 (equal scores share the mean of their gains), Järvelin and Kekäläinen 2002.
        """
        gains = gained(k)
        places = np.arange(k + 1)
        return np.asarray(
            (np.interp(self.end, places, gains) - np.interp(self.begin, places, gains)) / (self.end - self.begin)
        )


def gained(k: int) -> Column:
    """[k + 1] sum of 1 / log2(2 + place) over the first 0, 1, .. k places."""
    return np.concatenate([[0.0], np.cumsum(1 / np.log2(2 + np.arange(k)))])


def places(groups: ArrayLike, labels: ArrayLike, scores: ArrayLike, weight: ArrayLike | None = None) -> Places:
    """Places of n rows in their groups.

    Args:
      groups: [n] key of the row's group.
      labels: [n] bool.
      scores: [n], no NaN.
      weight: [n] exposures that each row stands for, above 0; one each when not given.
    """
    distinct, codes = np.unique(np.asarray(groups), return_inverse=True)
    positive, value = np.asarray(labels, bool), np.asarray(scores, np.float64)
    w = np.ones(len(value)) if weight is None else np.asarray(weight, np.float64)
    order = np.lexsort((-value, codes))
    code, ordered = codes[order], value[order]
    is_new_group = np.diff(code, prepend=-1) != 0
    is_new_score = is_new_group | (np.diff(ordered, prepend=np.inf) != 0)
    # Sums from the start of everything; what came before the row's group is taken off again.
    above, until = _around(w[order], is_new_score)
    negatives_above, negatives_until = _around(w[order] * ~positive[order], is_new_score)
    first = np.flatnonzero(is_new_group)
    offset, negatives_offset = above[first][code], negatives_above[first][code]
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    num = len(distinct)
    return Places(
        codes=codes.astype(np.int64),
        num_groups=num,
        begin=(above - offset)[back],
        end=(until - offset)[back],
        negatives_above=(negatives_above - negatives_offset)[back],
        negatives_beside=(negatives_until - negatives_above)[back],
        positives=np.bincount(codes, w * positive, num).astype(np.float64),
        negatives=np.bincount(codes, w * ~positive, num).astype(np.float64),
    )


def _around(weight: Column, is_new: NDArray[np.bool_]) -> tuple[Column, Column]:
    """Sum of the weights before the first and up to the last of the rows that belong together, [n] each."""
    total = np.concatenate([[0.0], np.cumsum(weight)])
    first = np.flatnonzero(is_new)
    number = np.cumsum(is_new) - 1
    last = np.append(first[1:], len(weight))
    return total[first][number], total[last][number]
