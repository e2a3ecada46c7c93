"""Every measure with its interval: by hand, against scikit-learn, and on bad input."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from models.evaluation import viewer_sums
from models.evaluation.interval import percentiles
from models.evaluation.measures import NAMES, difference, measure
from models.evaluation.operating_point import best_threshold
from models.evaluation.reliability import groups_of, reliability
from models.evaluation.viewer_sums import Exposed


def exposed(num: int = 6000, num_viewers: int = 300, seed: int = 2) -> tuple[Exposed, np.ndarray]:
    """Exposures whose probabilities are known, twenty to a viewer and a page each."""
    random = np.random.default_rng(seed)
    viewers = np.arange(num) % num_viewers
    p = 1 / (1 + np.exp(2.5 - random.normal(0, 1, num)))
    watched = random.random(num) < p
    seconds = (watched * 60).astype(np.float32)
    return Exposed(viewers, viewers + 1, watched, seconds, np.ones(num, np.float32)), p


def test_estimates_agree_with_scikit_learn_and_lie_in_their_intervals() -> None:
    rows, p = exposed()
    found = measure(rows, p, seed=1, threshold=0.2)
    of = {name: found.measures[name][0] for name in NAMES}
    assert of["roc_auc"].estimate == pytest.approx(roc_auc_score(rows.watched, p))
    assert of["pr_auc"].estimate == pytest.approx(average_precision_score(rows.watched, p))
    assert of["f1"].estimate == pytest.approx(f1_score(rows.watched, p >= 0.2))
    assert of["calibration"].estimate == pytest.approx(p.sum() / rows.watched.sum())
    assert all(m.low <= m.estimate <= m.high for m in of.values())


def test_true_probabilities_are_calibrated_in_about_nineteen_of_twenty_worlds() -> None:
    inside = 0
    for seed in range(60):
        found = measure(*exposed(1200, 60, seed), seed=1).measures["calibration"][0]
        inside += found.low <= 1 <= found.high
    assert 51 <= inside <= 60


def test_a_slice_is_measured_as_if_alone_and_an_empty_one_says_so() -> None:
    rows, p = exposed()
    # Pages and viewers lie in both slices.
    slices = np.where(np.random.default_rng(9).random(len(rows)) < 0.4, 2, 0)
    found = measure(rows, p, seed=1, slices=slices, num_slices=3)
    alone = measure(rows.take(slices == 2), p[slices == 2], seed=1)
    for name in NAMES:
        assert found.measures[name][2].estimate == pytest.approx(alone.measures[name][0].estimate), name
        assert found.measures[name][1].reason == "no exposures", name
    assert found.num_viewers.tolist() == [300, 0, 300]


def test_an_interval_of_coarsely_grouped_scores_is_moved_to_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, p = exposed()
    fine = measure(rows, p, seed=1).measures["roc_auc"][0]
    monkeypatch.setattr(viewer_sums, "score_bins", partial(viewer_sums.score_bins, most=3))
    coarse = measure(rows, p, seed=1).measures["roc_auc"][0]
    assert coarse.estimate == fine.estimate
    assert (coarse.low, coarse.high) == pytest.approx((fine.low, fine.high), abs=0.004)


def test_a_sampled_miss_stands_for_many() -> None:
    rows, p = exposed(600, 30)
    doubled = np.r_[np.arange(600), np.flatnonzero(~rows.watched)]
    whole = measure(rows.take(doubled), p[doubled], seed=1, threshold=0.2)
    weight = np.where(rows.watched, 1, 2).astype(np.float32)
    sampled = measure(replace(rows, weight=weight), p, seed=1, threshold=0.2)
    for name in NAMES:
        own, other = whole.measures[name][0].estimate, sampled.measures[name][0].estimate
        assert other == pytest.approx(own), name


def test_one_row_has_reasons_and_no_numbers_that_look_good() -> None:
    rows, p = exposed()
    missed = np.flatnonzero(~rows.watched)[:1]
    found = measure(rows.take(missed), p[missed], seed=1, threshold=0.2)
    assert {m[0].estimate for m in found.measures.values()} == {None}
    assert {m[0].reason for m in found.measures.values()} == {"no positive exposure"}


def test_one_viewer_has_numbers_without_interval() -> None:
    rows, p = exposed(200, 1)
    found = measure(rows, p, seed=1).measures["ne"][0]
    assert found.estimate is not None
    assert (found.low, found.reason) == (None, "one viewer alone has no interval")


def test_equal_scores_know_nothing() -> None:
    rows, p = exposed()
    found = measure(rows, np.full(len(p), rows.watched.mean()), seed=1)
    for name in ("roc_auc", "grouped_auc", "watch_time_loss"):
        assert found.measures[name][0].estimate == pytest.approx(0.5)
        assert found.measures[name][0].low == pytest.approx(0.5)
    assert found.measures["ne"][0].estimate == pytest.approx(1)


def test_a_prediction_that_is_no_number_is_named() -> None:
    rows, p = exposed()
    p[7] = np.nan
    found = measure(rows, p, seed=1)
    assert found.measures["ne"][0].reason == "1 of 6,000 predictions are not finite numbers"
    assert found.measures["ne"][0].estimate is None


def test_exposures_without_a_page_have_no_measure_of_pages() -> None:
    rows, p = exposed()
    found = measure(replace(rows, requests=np.zeros(len(rows), np.int64)), p, seed=1).measures
    assert found["ndcg_at_100"][0].reason == "no page with a positive exposure"
    assert found["roc_auc"][0].estimate is not None


def test_a_difference_is_paired() -> None:
    rows, p = exposed()
    own, same = measure(rows, p, seed=1), measure(rows, p.copy(), seed=1)
    assert vars(difference(own, same, "ne")) == {"estimate": 0, "low": 0, "high": 0, "reason": ""}
    worse = measure(rows, p**1.05, seed=1)
    gap = difference(own, worse, "ne")
    assert gap.high < 0
    assert 2 * (gap.high - gap.low) < own.measures["ne"][0].high - own.measures["ne"][0].low


def test_an_interval_with_many_resamples_without_value_is_not_made_up() -> None:
    draws = np.array([[1.0, np.nan], *[[2.0, 2.0]] * 9, *[[3.0, np.nan]] * 2])
    low, high = percentiles(draws)
    assert np.isfinite([low[0], high[0]]).all()
    assert np.isnan([low[1], high[1]]).all()


def test_operating_point_by_hand() -> None:
    # From 0.7: precision 2/3, recall 1, F1 0.8; from 0.9: 1 and 1/2, F1 0.67.
    assert best_threshold([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == 0.7
    assert np.isnan(best_threshold([0, 0], [0.1, 0.2]))


def test_groups_keep_equal_predictions_together() -> None:
    assert groups_of(np.array([0.1, 0.2, 0.3, 0.4]), np.ones(4), 2).tolist() == [0, 0, 1, 1]
    assert len(set(groups_of(np.full(9, 0.5), np.ones(9), 10).tolist())) == 1


def test_reliability_and_lift_by_hand() -> None:
    found = reliability([1, 2, 3, 4], [0, 0, 0, 1], [0.1, 0.1, 0.6, 0.8], np.ones(4), num_groups=2, seed=1)
    assert [(g["num_exposures"], round(g["predicted"], 6), g["observed"], g["lift"]) for g in found.groups] == [
        (2, 0.1, 0, 0),
        (2, 0.7, 0.5, 2),
    ]
    assert found.calibration.estimate == pytest.approx(1.6)
    # One viewer in four has the watch: a third of the resamples would be without.
    assert found.calibration.low is None


def test_reliability_leaves_out_what_was_not_observed() -> None:
    assert reliability([1], [np.nan], [0.5], [1], num_groups=2, seed=1).calibration.reason == "no exposures"
    nothing = reliability([1, 2], [0, 0], [0.5, 0.2], [1, 1], num_groups=2, seed=1)
    assert nothing.calibration.reason == "nothing was observed"
    unknown = reliability([1, 2], [0, 1], [0.5, np.nan], [1, 1], num_groups=2, seed=1)
    assert unknown.calibration.reason == "1 of 2 predictions are not finite numbers"
