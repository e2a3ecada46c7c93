"""Pages by the truth, on numbers that can be checked by hand."""

import numpy as np
import pyarrow as pa
import pytest

from homefeed.cli.bench import page_value
from homefeed.cli.bench.page_value import Choice, best_values, page_values, share_of
from homefeed.cli.bench.ranking_position import MEANING, compared


def _choice(interest: list[float]) -> Choice:
    return Choice(np.array(interest), np.array(interest, np.float32), pa.table({}))  # type: ignore[arg-type]


def test_a_page_is_worth_the_truth_of_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two: the best are worth 0.9 + 0.5; those with the lowest truth 0.1 + 0.2."""
    monkeypatch.setattr(page_value, "PAGE", 2)
    made = [_choice([0.1, 0.9, 0.5, 0.2])]
    assert best_values(made).tolist() == pytest.approx([1.4])
    assert page_values(made, lambda truth: truth).tolist() == pytest.approx([1.4])  # type: ignore[arg-type,return-value]
    assert page_values(made, lambda truth: -truth).tolist() == pytest.approx([0.3])  # type: ignore[operator]


def test_fewer_candidates_than_a_page_are_all_chosen() -> None:
    made = [_choice([0.5, 0.25])]
    assert page_values(made, lambda truth: -truth).tolist() == best_values(made).tolist() == [0.75]  # type: ignore[operator]


def test_a_share_is_of_sums_and_one_viewer_has_no_spread() -> None:
    """1 + 1 of 4 + 1 is 0.4, not the mean of 0.25 and 1."""
    assert share_of(np.array([1.0, 1.0]), np.array([4.0, 1.0]), seed=1)[0] == pytest.approx(0.4)
    assert share_of(np.array([1.0]), np.array([2.0]), seed=1) == (0.5, 0.5, 0.5)


def test_rankers_are_compared_viewer_by_viewer() -> None:
    """Every page of the tower is worth 0.1 more of a best page of 1: the difference has no spread, its parts have."""
    none = np.array([0.2, 0.6, 0.4])
    values = {"tower": none + 0.1, "none": none, "feature": none + 0.1}
    found = compared(values, np.full(3, 0.1), np.ones(3), seed=1, told={"informed": none + 0.2})
    assert found["tower_page"] == pytest.approx(0.5)
    assert found["informed_page"] == pytest.approx(0.6)
    assert found["tower_less_none_low"] == pytest.approx(found["tower_less_none_high"]) == pytest.approx(0.1)
    assert found["tower_less_feature"] == 0
    assert found["none_page_low"] < 0.4 < found["none_page_high"]
    assert {f"plain_{name}" for name in found if not name.startswith("chance_page_")} < set(MEANING)
