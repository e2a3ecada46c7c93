"""Ranks and measures of wanted items, on numbers that can be checked by hand."""

import math

import numpy as np
import pytest

from models.evaluation.sequences import EvaluationError, Histories
from models.evaluation.sequences.candidates import MISSED, AllUnseen, Given, Sampled
from models.evaluation.sequences.measure import gains, measure
from models.evaluation.sequences.queries import Queries


class Fixed:
    """The same scores for everyone."""

    name = "fixed"

    def __init__(self, *scores: float) -> None:
        self.values = np.array(scores, np.float32)

    def fit(self, train, validate, *, seed, deadline) -> None:
        """Nothing to learn."""

    def scores(self, histories: Histories) -> np.ndarray:
        return np.broadcast_to(self.values, (len(histories), len(self.values)))


def queries(history: list[list[int]], wanted: list[list[int]]) -> Queries:
    """One query per list; everything in the history is seen."""
    sizes, counts = np.array([len(h) for h in history]), [len(w) for w in wanted]
    end = np.cumsum(sizes)
    items, found = np.concatenate(history).astype(np.int64), np.concatenate(wanted).astype(np.int64)
    rows = np.repeat(np.arange(len(history)), counts)
    return Queries(np.arange(len(history)), items, end - sizes, end, end, rows, found)


def ranks_of(candidates, asked: Queries, *scores: float) -> list[int]:
    table = np.tile(np.array(scores, np.float32), (len(asked), 1))
    return candidates.ranks(table, asked, 0).tolist()


def test_the_best_of_all_has_rank_zero_and_the_worst_the_last() -> None:
    asked = queries([[0], [0]], [[1], [4]])
    assert ranks_of(AllUnseen(10), asked, 99, 5, 4, 3, 2) == [0, 3]


def test_ties_count_against_the_model() -> None:
    # Item 1 is below item 4 and ties with items 2 and 3: 1 above + 2 others. The seen item 0 is no candidate.
    assert ranks_of(AllUnseen(10), queries([[0]], [[1]]), 7, 7, 7, 7, 9) == [3]
    # A constant scorer puts everything last.
    assert ranks_of(AllUnseen(10), queries([[0]], [[1]]), *np.zeros(9)) == [7]


def test_ranks_are_those_of_the_definition() -> None:
    random = np.random.default_rng(5)
    history = [sorted(set(random.integers(0, 12, 4).tolist())) for _ in range(40)]
    wanted = [sorted(set(random.integers(0, 12, 3).tolist())) for _ in range(40)]
    # Scores 0 to 3 for 12 items: nearly everything ties.
    table = random.integers(0, 4, (40, 12)).astype(np.float32)
    expected = []
    for row, seen, items in zip(table, history, wanted, strict=True):
        candidates = set(range(12)) - set(seen)
        for item in items:
            above = sum(row[other] > row[item] for other in candidates)
            ties = sum(row[other] == row[item] for other in candidates - {item})
            expected.append(above + ties if item in candidates else MISSED)
    assert AllUnseen(12).ranks(table.copy(), queries(history, wanted), 0).tolist() == expected


def test_a_rank_past_the_list_is_at_least_its_length() -> None:
    (rank,) = ranks_of(AllUnseen(2), queries([[0]], [[9]]), *range(10, 0, -1))
    assert rank == 2


def test_wanted_items_of_one_user_rank_each_against_all_others() -> None:
    assert ranks_of(AllUnseen(10), queries([[0]], [[2, 4]]), 9, 8, 7, 6, 5) == [1, 3]


def test_a_wanted_item_that_was_seen_is_missed() -> None:
    assert ranks_of(AllUnseen(10), queries([[1, 2]], [[1]]), 3, 2, 1) == [MISSED]


def test_sampled_takes_all_that_are_left_when_they_are_few() -> None:
    # Of items 0 to 9 the user has seen 0 and 1, and wants 9: seven others score more, however they are drawn.
    assert ranks_of(Sampled(100, 1), queries([[0, 1]], [[9]]), *range(10, 0, -1)) == [7]


def test_sampled_draws_unseen_items_once_and_the_same_for_everyone() -> None:
    asked = queries([[0]] * 500, [[1]] * 500)
    scores = np.concatenate([[10, 0], np.ones(198)]).astype(np.float32)
    # Item 0 is seen and never drawn: with different items 20 of 20 are above, never 21.
    assert set(ranks_of(Sampled(20, 1), asked, *scores)) == {20}
    # With half of the items above, ten of twenty are on average.
    half = np.concatenate([[10, 5], np.zeros(99), np.full(99, 9)])
    first, again, other = (ranks_of(Sampled(20, seed), asked, *half) for seed in (1, 1, 2))
    assert first == again != other
    # The mean of 500 draws of 20 has a standard error of 0.1.
    assert np.mean(first) == pytest.approx(10, abs=0.4)


def test_given_negatives_leave_out_copies_of_the_wanted_item() -> None:
    # Item 2 is wanted and three times in its list; 3 scores more, 1 ties, 0 scores less.
    listed = Given(np.array([[2, 3, 2, 1, 0, 2, -1]]))
    assert ranks_of(listed, queries([[4]], [[2]]), 0, 5, 5, 6, 9) == [2]


def test_ndcg_and_recall_of_several_wanted_items() -> None:
    asked = queries([[0], [0]], [[1, 2, 3, 4], [5]])
    found = gains(asked, np.array([0, 2, 20, MISSED, 1]), 20)
    assert found.shares.tolist() == [0.5, 1.0]
    # Gains 1 and 1/2 over 1 + 1/log2(3) + 1/2 + 1/log2(5); then one item at the second place.
    best = 1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)
    assert found.ndcg == pytest.approx([1.5 / best, 1 / math.log2(3)])
    assert list(found.metrics("recall", 20)) == ["recall_at_20", "ndcg_at_20"]


def test_the_best_gain_is_that_of_a_full_list() -> None:
    # 25 items are wanted and the list of 20 has nothing else: NDCG is 1, recall 20 of 25.
    found = gains(queries([[0]], [list(range(1, 26))]), np.arange(25), 20)
    assert (found.shares[0], found.ndcg[0]) == (0.8, pytest.approx(1))


def test_measure_in_blocks_is_measure_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    asked = queries([[int(i)] for i in random.integers(0, 5, 50)], [[int(i)] for i in random.integers(5, 40, 50)])
    model = Fixed(*random.random(40))
    whole = measure(model, asked, 40, AllUnseen(10), 10)
    monkeypatch.setattr("models.evaluation.sequences.measure._BLOCK_BYTES", 3 * (40 * 24 + 16))
    parts = measure(model, asked, 40, AllUnseen(10), 10)
    np.testing.assert_array_equal(whole.ndcg, parts.ndcg)
    assert 0 < whole.shares.mean() < 1


def test_what_is_not_in_training_or_has_no_history_is_missed() -> None:
    asked = queries([[0], [], [0]], [[-1, 2], [2], [2]])
    found = measure(Fixed(0, 1, 9), asked, 3, AllUnseen(10), 10)
    assert found.shares.tolist() == [0.5, 0, 1]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_an_error(wrong: float) -> None:
    with pytest.raises(EvaluationError, match=r"fixed scored item 2 for user 0 as .*must be a finite number"):
        measure(Fixed(1, 1, wrong), queries([[0]], [[1]]), 3, AllUnseen(10), 10)


def test_scores_of_the_wrong_shape_are_an_error() -> None:
    with pytest.raises(EvaluationError, match=r"fixed scored \(1, 3\) where \(1, 4\) are needed"):
        measure(Fixed(1, 2, 3), queries([[0]], [[1]]), 4, AllUnseen(10), 10)


def test_histories_are_padded_on_the_left() -> None:
    found = queries([[3, 1, 2], [], [7]], [[0], [0], [0]]).histories()
    assert found.items.tolist() == [[3, 1, 2], [-1, -1, -1], [-1, -1, 7]]
    assert queries([[]], [[0]]).histories().items.tolist() == [[-1]]


def test_an_interval_of_one_user_is_not_a_number_and_that_of_many_holds_the_mean() -> None:
    one = gains(queries([[0]], [[1]]), np.array([0]), 10)
    assert all(math.isnan(bound) for bound in one.intervals("hr", 10, seed=1)["hr_at_10"])
    many = gains(queries([[0]] * 400, [[1]] * 400), np.tile([0, 99], 200), 10)
    low, high = many.intervals("hr", 10, seed=1)["hr_at_10"]
    # The standard error of a half over 400 users is 0.025.
    assert (low, high) == pytest.approx((0.45, 0.55), abs=0.015)
