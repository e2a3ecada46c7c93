"""Steps made one ahead."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.retrieval.ahead import one_ahead


def steps(most: int, made: list[int], fails_at: int = -1) -> Iterator[dict[str, Any]]:
    for number in range(most):
        if number == fails_at:
            raise RuntimeError("no step")
        made.append(number)
        yield {"number": number}


def test_no_steps_are_no_steps() -> None:
    assert list(one_ahead(steps(0, []))) == []


def test_every_step_comes_once_and_in_order() -> None:
    assert [step["number"] for step in one_ahead(steps(5, []))] == [0, 1, 2, 3, 4]


def test_never_more_than_one_is_made_ahead() -> None:
    made: list[int] = []
    ahead = one_ahead(steps(100, made))
    next(ahead)
    ahead.close()  # type: ignore[attr-defined]
    assert made == [0, 1]


def test_what_fails_while_a_step_is_made_fails_where_it_is_used() -> None:
    with pytest.raises(RuntimeError, match="no step"):
        list(one_ahead(steps(5, [], fails_at=2)))
