"""The baselines, on a log that can be counted by hand, and most-popular against its published numbers."""

import math
import time

import numpy as np
import pyarrow as pa
import pytest

from models.evaluation.sequences import Histories, protocols
from models.evaluation.sequences.baselines import ItemKnn, MostPopular
from models.evaluation.sequences.evaluation import evaluate
from models.evaluation.sequences.log import SequenceLog, sequence_log
from models.evaluation.sequences.readers import sequences


def log_of(*histories: str) -> SequenceLog:
    """One user per string of items."""
    users = [f"u{n}" for n, history in enumerate(histories) for _ in history]
    return sequence_log(pa.array(users), pa.array(list("".join(histories))), None)[0]


def asked(*histories: list[int]) -> Histories:
    length = max(1, *(len(h) for h in histories))
    items = np.array([[-1] * (length - len(h)) + h for h in histories], np.int64)
    return Histories(items, np.arange(len(histories)))


def test_most_popular_counts_training_interactions() -> None:
    model = MostPopular()
    model.fit(log_of("abb", "ab", "c"), None, seed=1, deadline=None)
    assert model.scores(asked([0], [])).tolist() == [[2, 3, 1], [2, 3, 1]]


def test_item_knn_of_one_item_has_no_neighbour() -> None:
    model = ItemKnn()
    model.fit(log_of("a"), None, seed=1, deadline=None)
    assert model.scores(asked([0])).tolist() == [[0]]


def test_item_knn_sums_cosines_over_the_history() -> None:
    model = ItemKnn()
    # Users of a, b, c: 3, 2, 2. Together: a and b 2, a and c 1, b and c 1. That u0 had b twice changes nothing.
    model.fit(log_of("abb", "abc", "a", "c"), None, seed=1, deadline=None)
    ab, ac, bc = 2 / math.sqrt(6), 1 / math.sqrt(6), 1 / 2
    expected = [[0, ab, ac], [ab, 0, bc], [ab, ab, ac + bc], [0, 0, 0]]
    np.testing.assert_allclose(model.scores(asked([0], [1, 1], [0, 1], [])), expected, rtol=1e-6)


def test_item_knn_shrinks_and_keeps_the_nearest() -> None:
    model = ItemKnn()
    model.SHRINKS, model.SIZES = (10,), (1,)
    model.fit(log_of("abb", "abc", "a", "c"), None, seed=1, deadline=None)
    # b is nearest to a: 2 / (sqrt(6) + 10); c is not kept.
    np.testing.assert_allclose(model.scores(asked([0])), [[0, 2 / (math.sqrt(6) + 10), 0]], rtol=1e-6)


def test_item_knn_is_chosen_by_validation_only() -> None:
    model, values = ItemKnn(), iter([0.1, 0.2, 0.9, 0.3, 0.9, 0.1, 0.1, 0.1])
    model.fit(log_of("abc", "abd", "cd"), lambda: next(values), seed=1, deadline=None)
    # The first of the two best, the third that was tried.
    assert model.chosen == (ItemKnn.SIZES[2], ItemKnn.SHRINKS[0])


def test_item_knn_after_the_deadline_has_tried_one_shrinkage() -> None:
    looks: list[int] = []

    def look() -> float:
        looks.append(1)
        return float(len(looks))

    model = ItemKnn()
    model.fit(log_of("abc", "abd", "cd"), look, seed=1, deadline=time.monotonic() - 1)
    assert len(looks) == len(ItemKnn.SIZES)
    assert model.chosen == (ItemKnn.SIZES[-1], ItemKnn.SHRINKS[0])


def test_a_recommender_sees_the_training_log_and_looks_at_validation_only() -> None:
    log = log_of("abcd", "bcda", "cdab")
    split = protocols.leave_one_out(log, 1)
    seen: list[object] = []

    class Watching(MostPopular):
        def fit(self, train, validate, *, seed, deadline) -> bool:
            is_cut = super().fit(train, validate, seed=seed, deadline=deadline)
            seen.extend([len(train), seed, validate()])
            return is_cut

    said: list[str] = []
    result = evaluate(split, Watching(), seed=7, max_s=None, say=said.append)
    # Training has two of the four items of each user: ab, bc, cd.
    assert seen[:2] == [6, 7]
    # Of the two that are left, c is above d, d ties with a, and a is below b: ranks 0, 1, 1. In the test one is left.
    assert seen[2] == pytest.approx((1 + 2 / math.log2(3)) / 3)
    assert (result.validation, result.num_validations, result.metrics["ndcg_at_10"]) == (seen[2], 1, 1)
    assert said == [
        "most_popular: training",
        f"most_popular: validation {seen[2]:.4f}, best {seen[2]:.4f}",
        "most_popular: test",
    ]


def test_the_published_numbers_of_most_popular(public_data) -> None:
    log = sequences(public_data("ml-1m") / "ml-1m.txt")
    assert (len(log), log.num_users, log.num_items) == (999_611, 6040, 3416)
    split = protocols.sampled(log, 1)
    result = evaluate(split, MostPopular(), seed=1, max_s=None)
    # Kang and McAuley 2018, table III: 0.4329 and 0.2377, with their own draw of 100 items for each of the 6,040 users.
    # The standard errors over users are 0.0064 and 0.0041; a draw of its own adds less than half of that.
    assert result.metrics["hr_at_10"] == pytest.approx(0.4329, abs=0.015)
    assert result.metrics["ndcg_at_10"] == pytest.approx(0.2377, abs=0.010)
