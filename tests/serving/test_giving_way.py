"""A thread that gives way rests twice as long as it works, wherever its work is."""

import sys
import time

import pytest

from serving import giving_way as module
from serving.giving_way import giving_way


def step() -> int:
    return sum(range(100))


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(module.time, "sleep", made.append)
    return made


def test_it_rests_twice_as_long_as_it_works(rests: list[float]) -> None:
    began = time.thread_time()
    with giving_way():
        while time.thread_time() - began < 0.05:
            step()
    assert len(rests) > 10
    # What was worked since the last rest, half a millisecond or so, is not rested for.
    assert sum(rests) == pytest.approx(2 * 0.05, rel=0.1)


def test_one_long_step_is_rested_for_when_it_is_over(rests: list[float]) -> None:
    with giving_way():
        began = time.thread_time()
        sum(range(2_000_000))
        worked = time.thread_time() - began
    assert max(rests) == pytest.approx(2 * worked, rel=0.3)


def test_it_is_over_when_the_block_is_left(rests: list[float]) -> None:
    with pytest.raises(ValueError), giving_way():  # noqa: PT011, PT012
        step()
        raise ValueError
    assert sys.getprofile() is None
    rests.clear()
    for _ in range(20_000):
        step()
    assert rests == []
