"""Measures of order within viewers and pages, on numbers that can be checked by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from models.evaluation.grouped import grouped_auc, hits, page_ndcg, watch_time_loss
from models.evaluation.places import places


def test_grouped_auc_weighs_viewers_by_exposures_and_leaves_out_those_with_one_class() -> None:
    viewers = [1, 1, 2, 2, 2, 3, 3]
    labels = [True, False, True, False, False, False, False]
    # Viewer 1: the positive is below, 0 of 2 exposures. Viewer 2: above one, tied with one, 0.75 of 3. Viewer 3: out.
    scores = [0.1, 0.9, 0.5, 0.5, 0.2, 0.7, 0.8]
    assert grouped_auc(viewers, labels, scores) == pytest.approx((2 * 0 + 3 * 0.75) / 5)


def test_grouped_auc_of_a_sample_is_that_of_the_whole() -> None:
    """A negative that stands for three counts as three."""
    sampled = grouped_auc([1, 1, 1, 2, 2], [1, 0, 0, 1, 0], [0.5, 0.6, 0.1, 0.9, 0.2], [1, 3, 1, 1, 1])
    whole = grouped_auc([1] * 5 + [2] * 2, [1, 0, 0, 0, 0, 1, 0], [0.5, 0.6, 0.6, 0.6, 0.1, 0.9, 0.2])
    assert sampled == pytest.approx(whole) == pytest.approx((5 * 0.25 + 2 * 1) / 7)


@pytest.mark.parametrize("measure", [grouped_auc, page_ndcg])
def test_nothing_to_order_and_no_number_are_nan(measure) -> None:
    assert math.isnan(measure([], [], []))
    assert math.isnan(measure([1, 1], [False, False], [0.1, 0.2]))
    assert math.isnan(measure([1, 1], [True, False], [0.1, math.nan]))


def test_ndcg_of_a_page() -> None:
    # One positive in second place: 1 / log2(3). The page without a positive is left out.
    assert page_ndcg([1, 1, 2], [False, True, False], [0.9, 0.8, 0.5]) == pytest.approx(1 / math.log2(3))
    # The same beyond the list's end.
    assert page_ndcg([1, 1], [False, True], [0.9, 0.8], k=1) == 0


def test_ndcg_agrees_with_scikit_learn_ties_included() -> None:
    random = np.random.default_rng(5)
    labels, scores = random.random((20, 130)) < 0.1, random.integers(0, 30, (20, 130)) / 30
    own = page_ndcg(np.repeat(np.arange(20), 130), labels.ravel(), scores.ravel(), k=100)
    assert own == pytest.approx(ndcg_score(labels.astype(float), scores, k=100))


def test_a_sampled_page_is_as_long_as_it_was() -> None:
    """Two missed videos above the watched one, of which one was kept and stands for both."""
    whole = page_ndcg([1, 1, 1], [0, 0, 1], [0.9, 0.9, 0.1])
    assert page_ndcg([1, 1], [0, 1], [0.9, 0.1], [2, 1]) == pytest.approx(whole) == pytest.approx(0.5)


def test_watch_time_loss_of_covington() -> None:
    # 30 s against two missed videos, one of which scores higher: 30 of 60 s; 10 s against both lower: 0 of 20 s.
    loss = watch_time_loss([1] * 4, [1, 1, 0, 0], [30, 10, 0, 0], [0.5, 0.9, 0.6, 0.1])
    assert loss == pytest.approx(30 / 80)
    # A miss on another page makes no pair; equal scores are half wrong.
    assert math.isnan(watch_time_loss([1, 2], [1, 0], [30, 0], [0.5, 0.9]))
    assert watch_time_loss([1, 1], [1, 0], [30, 0], [0.5, 0.5]) == 0.5


def test_hits_at_k_share_tied_places() -> None:
    labels = np.array([True, False, False])
    # Two share the first two places, so the positive is first half of the time.
    at = places([1, 1, 1], labels, [0.7, 0.7, 0.1])
    assert hits(at, labels, None, 1).tolist() == [0.5]
    assert hits(at, labels, None, 2).tolist() == [1]


def test_a_positive_beyond_the_list_is_no_hit() -> None:
    labels = np.array([False, False, True])
    assert hits(places([1, 1, 1], labels, [0.9, 0.8, 0.1]), labels, None, 1).tolist() == [0]
