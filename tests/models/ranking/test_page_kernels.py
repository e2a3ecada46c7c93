"""The compiled loops of a page, on numbers that can be checked by hand; as a whole, `test_page_ranker` checks them."""

import numpy as np
import pytest

from models.ranking.page_kernels import focus_of_trunk, gated, gated_twice, mixed, pieces, rectified, rows_of_trunk


def floats(*numbers: object) -> np.ndarray:
    return np.array(numbers, np.float32)


def of_pieces(columns: np.ndarray, begin: int, num: int) -> tuple[list[list[float]], list[list[float]]]:
    """One column from 0 to 10 with mean 2 and deviation 2, in two pieces from -1 to 1 and from 1 to 4; two heads."""
    wide, logits = np.full((2, num), 9, np.float32), np.full((2, num), 9, np.float32)
    spread = (floats(0), floats(10), floats(2), floats(2))
    pieces(columns, begin, wide, logits, *spread, floats([-1, 1]), floats([2, 3]), floats([1, 10], [2, 20]))
    return wide.tolist(), logits.tolist()


def test_pieces_below_between_and_above_their_corners() -> None:
    # 5 is 1.5 deviations above the mean: all of the first piece, a sixth of the second.
    wide, logits = of_pieces(floats([-4, 2, 5, 30]), 0, 4)
    assert wide[0] == [-1, 0, 1.5, 4]
    assert wide[1] == pytest.approx([-1, -0.5, 1 / 6, 1])
    assert logits[0] == pytest.approx([0, 0.5, 1 + 2 / 6, 3])
    assert logits[1] == pytest.approx([0, 5, 10 + 20 / 6, 30])


def test_pieces_of_a_part_of_the_candidates_and_of_none() -> None:
    wide, _ = of_pieces(floats([-4, 2, 5, 30]), 1, 2)
    assert wide[0] == [0, 1.5]
    assert of_pieces(floats([]), 0, 0) == ([[], []], [[], []])


def test_what_is_not_a_number_stays_so_and_where_it_is() -> None:
    wide, logits = of_pieces(floats([np.nan, 2]), 0, 2)
    assert np.isnan([row[0] for row in (*wide, *logits)]).all()
    assert np.isfinite([row[1] for row in (*wide, *logits)]).all()


def test_rows_of_the_trunk_hold_what_is_of_the_candidate_in_order() -> None:
    # Item (2, 3) and side topics (4, 5) are the columns of a video from 1 on, 5 is its length; one head.
    videos = floats([9, 9, 9, 9, 9, 9], [1, 2, 3, 4, 5, 100])
    channels, topics = floats([9, 9], [6, 200]), floats([9, 9], [7, 300])
    z, logits, by_length = np.zeros((1, 16), np.float32), floats([1000]), floats(10_000)
    rows_of_trunk(videos, channels, topics, 1, floats([8]), floats(10, 20), floats(0.5), by_length, 1, 4, z, logits)
    assert z[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 20, 60, 0, 0, 40, 100]
    assert logits.tolist() == [[51_600.5]]
    # The sum of shares is 3: what was watched by its likeness is a quarter of (4, 8).
    focus_of_trunk(floats([4, 8, 3]), 1, z)
    assert z[0, 8:].tolist() == [1, 2, 20, 60, 2, 6, 40, 100]


def test_gates_multiply_and_leave_the_projections_alone() -> None:
    z, first, second, bias = floats([2, 3]), floats([1, 0]), floats([10, 20]), floats(0.5, 1)
    x = floats([0, 0, 7])
    gated(z, first, bias, x)
    assert x.tolist() == [[3, 3, 7]]
    gated_twice(z, first, second, bias, x)
    assert x.tolist() == [[23, 63, 7]]


def test_experts_are_rectified_and_gates_are_less_their_largest() -> None:
    # One row of the experts' layer, then the gates of two heads of expert 0, and of expert 1.
    answers = floats([1, -3, np.nan], [1, 2, 3], [5, 5, 5], [2, 2, 2], [5, 6, np.nan])
    rectified(floats(1, 0, 0, 0, 0), 1, 2, answers)
    assert answers[0, :2].tolist() == [2, 0]
    assert np.isnan(answers[0, 2])
    assert answers[[1, 3], :].tolist() == [[-1, 0, 0], [0, 0, -1]]
    assert answers[[2, 4], :2].tolist() == [[0, -1], [0, 0]]
    assert np.isnan(answers[4, 2])


def test_experts_are_mixed_by_their_gates_share() -> None:
    # Gates 1 and 3: a quarter of 8 and three quarters of 4.
    logits = floats([100])
    mixed(floats([[1]], [[3]]), floats([[8]], [[4]]), floats(0.5), logits)
    assert logits.tolist() == [[105.5]]


def test_a_page_without_candidates() -> None:
    none, wide = np.zeros((0, 4), np.float32), np.zeros((1, 0), np.float32)
    gated(none, none, floats(1, 1, 1, 1), none.copy())
    rectified(floats(1, 0, 0), 1, 2, np.zeros((3, 0), np.float32))
    z = np.zeros((0, 14), np.float32)
    rows_of_trunk(none, none, none, 0, wide, floats(1), floats(1), floats(1), 0, 0, z, wide.copy())
