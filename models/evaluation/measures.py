"""Every measure of a ranker's head with its interval, for all slices of the exposures at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.interval import Resamples, percentiles
from models.evaluation.metrics import background_entropy, pr_auc, roc_auc
from models.evaluation.places import Column
from models.evaluation.viewer_sums import LENGTHS, Exposed, ViewerSums, viewer_sums

#: Measures of exposures on pages.
_OF_PAGES = (
    "ndcg_at_100",
    "watch_time_loss",
    *(f"{name}_at_{k}" for name in ("precision", "recall", "f1") for k in LENGTHS),
)
_AT_POINT = ("precision", "recall", "f1")
#: Every measure there is.
NAMES = ("roc_auc", "pr_auc", "ne", "calibration", "grouped_auc", *_AT_POINT, *_OF_PAGES)


@dataclass(frozen=True)
class Measure:
    """One number with its interval over viewers.

    Attributes:
      estimate: None when it cannot be measured.
      low, high: of the 95 % interval; None when there is none.
      reason: why something is None; empty when nothing is.
    """

    estimate: float | None
    low: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True)
class Measured:
    """Measures of s slices.

    Attributes:
      num_exposures, num_positives: [s] weighted.
      num_viewers: [s].
      measures: name -> [s].
      draws: name -> [d, s] the same in each resample, for paired differences.
    """

    num_exposures: Column
    num_positives: Column
    num_viewers: NDArray[np.int64]
    measures: Mapping[str, list[Measure]]
    draws: Mapping[str, Column] = field(default_factory=dict)

    def of(self, number: int) -> dict[str, Any]:
        """The numbers of one slice, as plain values."""
        return {
            "num_exposures": round(float(self.num_exposures[number])),
            "num_positives": round(float(self.num_positives[number])),
            "num_viewers": int(self.num_viewers[number]),
            "measures": {name: vars(found[number]) for name, found in self.measures.items()},
        }


def measure(
    rows: Exposed,
    scores: NDArray[Any],
    *,
    seed: int,
    threshold: float = float("nan"),
    slices: NDArray[np.int64] | None = None,
    num_slices: int = 1,
    draws: int = 200,
) -> Measured:
    """Every measure of n predictions.

    Args:
      rows: what happened.
      scores: [n] predicted probabilities of `rows.watched`.
      seed: of the resamples; the same for two models makes their draws paired.
      threshold: operating point, chosen on other exposures; NaN for none.
      slices: [n] number of the row's slice, less than 0 for none; one slice with every row when not given.
      num_slices: slices there are; one may be empty.
      draws: number of resamples.

    Returns:
      `roc_auc`, `pr_auc`, `ne`, `calibration`, `grouped_auc`; `precision`, `recall`, `f1` at the operating point;
      `ndcg_at_100`, `watch_time_loss` and `precision_at_k`, `recall_at_k`, `f1_at_k` on pages. Estimates are of every
      row. The intervals of ROC-AUC and PR-AUC are of scores put into `viewer_sums.NUM_BINS` groups, moved by what the
      grouping changes of the estimate.
    """
    codes = np.zeros(len(rows), np.int64) if slices is None else slices
    p = np.asarray(scores, np.float64)
    kept = codes >= 0
    num_unknown = int((~np.isfinite(p[kept])).sum())
    num_exposures = _sum_by(codes[kept], rows.weight[kept], num_slices)
    num_positives = _sum_by(codes[kept], (rows.weight * rows.watched)[kept], num_slices)
    viewers = np.unique(rows.viewers[kept], return_inverse=True)[1]
    pairs = np.unique(viewers * num_slices + codes[kept])
    num_viewers = np.bincount(pairs % num_slices, minlength=num_slices)
    if num_unknown:
        nothing = Measure(None, None, None, f"{num_unknown:,} of {kept.sum():,} predictions are not finite numbers")
        return Measured(num_exposures, num_positives, num_viewers, {name: [nothing] * num_slices for name in NAMES})
    sums = viewer_sums(rows, p, codes, num_slices, threshold)
    exact, binned = _measures(sums, None, num_slices, threshold)
    resampled, of_bins = _measures(sums, Resamples(sums.sums.shape[0], seed, draws), num_slices, threshold)
    members = [np.flatnonzero(codes == number) for number in range(num_slices)]
    for name, function in (("roc_auc", roc_auc), ("pr_auc", pr_auc)):
        of_all = np.array([function(rows.watched[at], p[at], rows.weight[at]) for at in members])
        exact[name] = of_all[None, :]
        resampled[name] = of_bins[name] + (of_all - binned[name][0])
    found = {}
    for name in NAMES:
        low, high = percentiles(resampled[name])
        found[name] = [
            _one(name, exact[name][0, at], low[at], high[at], (num_exposures[at], num_positives[at], num_viewers[at]))
            for at in range(num_slices)
        ]
    return Measured(num_exposures, num_positives, num_viewers, found, {name: resampled[name] for name in found})


def difference(own: Measured, other: Measured, name: str, number: int = 0) -> Measure:
    """Own minus other measure of one slice, with its paired interval; both measured on the same rows and seed."""
    mine, theirs = own.measures[name][number], other.measures[name][number]
    if mine.estimate is None or theirs.estimate is None:
        return Measure(None, None, None, mine.reason or theirs.reason)
    gap = mine.estimate - theirs.estimate
    if mine.low is None or theirs.low is None:
        return Measure(gap, None, None, mine.reason or theirs.reason)
    low, high = percentiles(own.draws[name][:, number] - other.draws[name][:, number])
    return Measure(gap, float(low), float(high))


def _measures(
    found: ViewerSums, resamples: Resamples | None, num_slices: int, threshold: float
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Measures that follow from the sums, and ROC-AUC and PR-AUC from the grouped scores, [d, s] each; d is 1 without
    resamples."""

    def drawn(columns: Any) -> Column:
        total = columns.sum(axis=0)[None, :] if resamples is None else resamples.sums(columns)
        return np.asarray(total.reshape(len(total), num_slices, -1))

    sums, bins = drawn(found.sums), drawn(found.scores)
    of = {name: sums[:, :, number] for number, name in enumerate(found.names)}
    rate = _ratio(of["watched"], of["weight"])
    measures = {
        "ne": _ratio(_ratio(of["loss"], of["weight"]), background_entropy(rate)),
        "calibration": _ratio(of["predicted"], of["watched"]),
        "grouped_auc": _ratio(of["auc"], of["auc_weight"]),
        "ndcg_at_100": _ratio(of["ndcg"], of["ndcg_pages"]),
        "watch_time_loss": _ratio(of["wrong_s"], of["pair_s"]),
    }
    unknown = np.full(rate.shape, np.nan)
    points = [("", *((unknown,) * 3 if np.isnan(threshold) else (of["kept"], of["promised"], of["watched"])))]
    points += [(f"_at_{k}", of[f"hits_{k}"], of[f"places_{k}"], of["paged_watched"]) for k in LENGTHS]
    for suffix, right, chosen, wanted in points:
        measures[f"precision{suffix}"] = _ratio(right, chosen)
        measures[f"recall{suffix}"] = _ratio(right, wanted)
        # The harmonic mean of both is 2 right / (chosen + wanted); without anything wanted there is no recall.
        measures[f"f1{suffix}"] = np.where(wanted > 0, _ratio(2 * right, chosen + wanted), np.nan)
    missed, watched = np.moveaxis(bins.reshape(*bins.shape[:2], 2, -1), 2, 0)
    return measures, {"roc_auc": _binned_roc_auc(missed, watched), "pr_auc": _binned_pr_auc(missed, watched)}


def _binned_roc_auc(missed: Column, watched: Column) -> Column:
    """[..., b] weights by group of alike scores, lowest first -> [...]."""
    below = np.cumsum(missed, axis=-1) - missed / 2
    return _ratio((watched * below).sum(axis=-1), watched.sum(axis=-1) * missed.sum(axis=-1))


def _binned_pr_auc(missed: Column, watched: Column) -> Column:
    """[..., b] weights by group of alike scores, lowest first -> [...]."""
    found, wrong = (np.cumsum(part[..., ::-1], axis=-1) for part in (watched, missed))
    precision = np.nan_to_num(_ratio(found, found + wrong))
    return _ratio((precision * watched[..., ::-1]).sum(axis=-1), watched.sum(axis=-1))


def _ratio(top: Column, bottom: Column) -> Column:
    known = np.nan_to_num(bottom) != 0
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    return np.asarray(np.divide(top, bottom, out=np.full(shape, np.nan), where=known))


def _sum_by(codes: NDArray[np.int64], values: NDArray[Any], num: int) -> Column:
    return np.bincount(codes, values.astype(np.float64), num).astype(np.float64)


def _one(name: str, estimate: float, low: float, high: float, sizes: tuple[float, float, int]) -> Measure:
    num_exposures, num_positives, num_viewers = sizes
    # A precision of nothing that could be found would be 0, and say nothing about the predictions.
    if not np.isfinite(estimate) or not num_positives:
        return Measure(None, None, None, _why_unknown(name, num_exposures, num_positives))
    if num_viewers < 2:
        return Measure(float(estimate), None, None, "one viewer alone has no interval")
    if not np.isfinite(low):
        return Measure(float(estimate), None, None, "too few viewers: some resamples hold nothing to measure")
    return Measure(float(estimate), float(low), float(high))


def _why_unknown(name: str, num_exposures: float, num_positives: float) -> str:
    if not num_exposures:
        return "no exposures"
    if not num_positives:
        return "no positive exposure"
    if num_positives == num_exposures and name in ("roc_auc", "ne"):
        return "every exposure is positive"
    if name == "grouped_auc":
        return "no viewer with a positive and a negative exposure"
    if name == "watch_time_loss":
        return "no page with a watched and a missed video"
    if name in _OF_PAGES:
        return "no page with a positive exposure"
    return "there is no operating point, or no prediction reaches it"
