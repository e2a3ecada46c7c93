"""Measures, on numbers that can be checked by hand."""

import math

import numpy as np
import pytest

from models.evaluation import calibration, ndcg_at, normalised_entropy, pr_auc, recall_at, roc_auc, viewer_bootstrap


@pytest.mark.parametrize("measure", [roc_auc, pr_auc, normalised_entropy, calibration])
def test_nothing_observed_is_nan(measure) -> None:
    assert math.isnan(measure([], []))
    assert math.isnan(measure([False, False], [0.1, 0.2]))


def test_recall_and_ndcg_without_queries_are_nan() -> None:
    assert math.isnan(recall_at([], 10))
    assert math.isnan(ndcg_at([], 10))


def test_recall_counts_ranks_below_k() -> None:
    assert recall_at([0, 9, 10, 500], 10) == 0.5


def test_a_rank_that_is_left_out_counts_neither_way() -> None:
    assert recall_at([0, math.nan, 10], 10) == 0.5
    assert ndcg_at([0, math.nan, 10], 10) == 0.5
    assert math.isnan(recall_at([math.nan], 10))


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    # First place gains 1, third place 1 / log2(4) = 0.5, outside of the list nothing.
    assert ndcg_at([0, 2, 99], 10) == pytest.approx((1 + 0.5 + 0) / 3)


def test_roc_auc_is_the_share_of_ordered_pairs() -> None:
    # Pairs (positive, negative): 0.8 beats both, 0.4 beats 0.1 and loses to 0.5.
    assert roc_auc([True, True, False, False], [0.8, 0.4, 0.5, 0.1]) == 0.75
    assert roc_auc([True, False], [0.3, 0.3]) == 0.5


def test_pr_auc_is_average_precision() -> None:
    # Positives at places 1 and 3: (1/1 + 2/3) / 2.
    assert pr_auc([True, False, True], [0.9, 0.8, 0.7]) == pytest.approx((1 + 2 / 3) / 2)
    # All tied: precision is the rate, whatever the order of the rows.
    assert pr_auc([True, False, False, False], [0.5] * 4) == 0.25


def test_normalised_entropy_of_the_rate_itself_is_one() -> None:
    labels = np.array([True, False, False, False])
    assert normalised_entropy(labels, np.full(4, 0.25)) == pytest.approx(1)
    assert normalised_entropy(labels, np.array([0.9, 0.1, 0.1, 0.1])) < 1
    assert normalised_entropy(labels, np.array([0.1, 0.9, 0.9, 0.9])) > 1


def test_normalised_entropy_of_a_prediction_that_is_no_number_is_no_number() -> None:
    assert math.isnan(normalised_entropy([True, False], [float("nan"), 0.5]))


def test_calibration_is_promised_over_observed() -> None:
    assert calibration([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 1
    assert calibration([1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]) == 2


def test_bootstrap_of_one_viewer_has_no_interval() -> None:
    interval = viewer_bootstrap([7, 7], [1, 0], [1, 1], seed=1)
    assert interval.estimate == 0.5
    assert math.isnan(interval.low)


def test_bootstrap_interval_holds_the_estimate_and_widens_with_clustering() -> None:
    random = np.random.default_rng(3)
    value = random.random(2000) < 0.3
    alone = viewer_bootstrap(np.arange(2000), value, np.ones(2000), seed=1)
    # The same values, but every viewer's twenty rows are alike: twenty times fewer independent viewers.
    together = viewer_bootstrap(np.repeat(np.arange(100), 20), np.repeat(value[:100], 20), np.ones(2000), seed=1)
    assert alone.low < alone.estimate < alone.high
    assert together.high - together.low > 3 * (alone.high - alone.low)
    # The standard error of a share: sqrt(0.3 * 0.7 / 2000) = 0.0102, so the interval is about 0.04 wide.
    assert alone.high - alone.low == pytest.approx(0.04, abs=0.005)
