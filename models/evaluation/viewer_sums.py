"""Sums per viewer from which every measure follows: they are computed once and weighted anew for each resample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.grouped import auc_parts, hits, ndcg_parts, watch_time_parts
from models.evaluation.metrics import log_loss
from models.evaluation.places import Column, Places, places

#: Lengths of a list that precision, recall and F1 are measured at.
LENGTHS = (1, 5, 10, 20)
#: Groups of alike scores that intervals of ROC-AUC and PR-AUC are made from; with fewer distinct scores they are exact.
NUM_BINS = 512


@dataclass(frozen=True)
class Exposed:
    """What happened in n exposures.

    Attributes:
      viewers, requests: [n] keys; a request of 0 is not known, and its exposures are on no page.
      watched: [n] bool, the label; of another head it is that head's.
      watch_s: [n] seconds watched.
      weight: [n] how many exposures each stands for.
    """

    viewers: NDArray[np.int64]
    requests: NDArray[np.int64]
    watched: NDArray[np.bool_]
    watch_s: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.viewers)

    def take(self, rows: Any) -> "Exposed":
        """The exposures at `rows`."""
        return Exposed(**{name: column[rows] for name, column in vars(self).items()})


@dataclass(frozen=True)
class ViewerSums:
    """Sums of v viewers in s slices.

    Attributes:
      names: of the c sums.
      sums: sparse [v, s * c], slice by slice.
      scores: sparse [v, s * 2 * b], weight of missed and of watched exposures by group of alike scores, lowest first.
    """

    names: list[str]
    sums: Any
    scores: Any


def viewer_sums(
    rows: Exposed, scores: Column, slices: NDArray[np.int64], num_slices: int, threshold: float
) -> ViewerSums:
    """Sums of n exposures.

    Args:
      rows: the exposures.
      scores: [n] finite predictions; probabilities, where normalised entropy and calibration are to mean something.
      slices: [n] number of the row's slice, or less than 0 for none.
      num_slices: slices there are.
      threshold: score from which an exposure counts as promised.
    """
    kept = slices >= 0
    rows, scores, slices = rows.take(kept), scores[kept], slices[kept]
    distinct, viewers = np.unique(rows.viewers, return_inverse=True)
    weight = rows.weight.astype(np.float64)
    watched, promised = weight * rows.watched, weight * (scores >= threshold)
    by_row = {
        "weight": weight,
        "watched": watched,
        "predicted": weight * scores,
        "loss": weight * log_loss(rows.watched, scores),
        "promised": promised,
        "kept": promised * rows.watched,
    }
    of_viewers = _placed(rows, scores, viewers, slices, num_slices)
    auc = auc_parts(of_viewers, rows.watched, weight)
    is_paged = rows.requests != 0
    paged, on_pages = rows.take(is_paged), weight[is_paged]
    page = np.unique(paged.requests, return_inverse=True)[1]
    pages = _placed(paged, scores[is_paged], page, slices[is_paged], num_slices)
    ndcg = ndcg_parts(pages, paged.watched, on_pages)
    time = watch_time_parts(pages, paged.watched, paged.watch_s, on_pages)
    by_page = {
        "ndcg": ndcg.numerator,
        "ndcg_pages": ndcg.denominator,
        "wrong_s": time.numerator,
        "pair_s": time.denominator,
        "paged_watched": pages.positives,
    }
    for k in LENGTHS:
        by_page[f"hits_{k}"] = hits(pages, paged.watched, on_pages, k)
        by_page[f"places_{k}"] = np.minimum(pages.positives + pages.negatives, k)
    by_viewer = {"auc": auc.numerator, "auc_weight": auc.denominator}
    names = [*by_row, *by_viewer, *by_page]
    cells, cell = np.unique(viewers * num_slices + slices, return_inverse=True)
    owners = [cell, _of_groups(of_viewers, cell), _of_groups(pages, cell[is_paged])]
    sums = [
        np.bincount(owner, values, len(cells))
        for columns, owner in zip((by_row, by_viewer, by_page), owners, strict=True)
        for values in columns.values()
    ]
    bins, num_bins = score_bins(scores)
    scored = ((cell * 2 + rows.watched) * num_bins + bins).astype(np.int64)
    at, counted = np.unique(scored, return_inverse=True)
    amounts, column = np.bincount(counted, weight, len(at)), cells[at // (2 * num_bins)] % num_slices
    shape, num = (len(distinct), num_slices), len(names)
    column_of_sums = (cells % num_slices)[:, None] * num + np.arange(num)
    return ViewerSums(
        names,
        _sparse(np.column_stack(sums).ravel(), np.repeat(cells // num_slices, num), column_of_sums.ravel(), shape, num),
        _sparse(
            amounts,
            cells[at // (2 * num_bins)] // num_slices,
            column * 2 * num_bins + at % (2 * num_bins),
            shape,
            2 * num_bins,
        ),
    )


def score_bins(scores: Column, most: int = NUM_BINS) -> tuple[NDArray[np.int64], int]:
    """Number of each score's group of alike scores [n], the lowest 0, and how many groups there are: one for each
    distinct score, or `most` of about equal size."""
    distinct, codes = np.unique(scores, return_inverse=True)
    if len(distinct) <= most:
        return codes.astype(np.int64), max(len(distinct), 1)
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, most + 1)[1:-1]))
    return np.searchsorted(edges, scores, side="right"), len(edges) + 1


def _placed(
    rows: Exposed, scores: Column, groups: NDArray[np.int64], slices: NDArray[np.int64], num_slices: int
) -> Places:
    """Places among the rows of the same group and slice."""
    return places(groups * num_slices + slices, rows.watched, scores, rows.weight)


def _of_groups(at: Places, cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cell of viewer and slice that each group lies in: a page has one viewer."""
    found = np.zeros(at.num_groups, np.int64)
    found[at.codes] = cell
    return found


def _sparse(
    values: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int], num: int
) -> Any:
    """Values of viewers in slices, their rows in order: sparse [viewers, slices * num]."""
    from scipy import sparse

    starts = np.searchsorted(rows, np.arange(shape[0] + 1))
    return sparse.csr_array((values, columns, starts), shape=(shape[0], shape[1] * num))
