"""A thread that gives way rests as long as it works, and longer while others are busy, wherever its work is."""

import sys
import time

import pytest

from serving import giving_way as module
from serving.giving_way import giving_way


def step() -> int:
    return sum(range(100))


def work(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        step()


def nothing() -> None:
    """What is done meanwhile."""


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(module.time, "sleep", made.append)
    return made


def test_it_rests_as_long_as_it_works(rests: list[float]) -> None:
    with giving_way(lambda: False, nothing):
        work(0.05)
    assert len(rests) > 10
    # What was worked since the last rest, half a millisecond or so, is not rested for.
    assert sum(rests) == pytest.approx(0.05, rel=0.1)


def test_it_rests_until_nobody_is_busy(rests: list[float]) -> None:
    answers = [True, True, False]
    with giving_way(lambda: answers.pop(0) if answers else False, nothing):
        work(0.001)
    assert rests[1:3] == [0.002] * 2
    assert answers == []


def test_where_someone_always_is_it_goes_on_after_six_milliseconds(rests: list[float]) -> None:
    with giving_way(lambda: True, nothing):
        work(0.02)
    looks = [rest for rest in rests if rest == 0.002]
    assert len(looks) > 50
    # Three looks for each rest of its own, each of them for half a millisecond of work or a little more.
    assert len(looks) == 3 * (len(rests) - len(looks))


def test_after_each_rest_it_does_what_is_to_be_done_meanwhile(rests: list[float]) -> None:
    done: list[int] = []
    with giving_way(lambda: False, lambda: done.append(len(rests))):
        work(0.01)
    assert done == list(range(1, len(rests) + 1))
    assert len(done) > 2


def test_one_long_step_is_rested_for_when_it_is_over(rests: list[float]) -> None:
    with giving_way(lambda: False, nothing):
        began = time.thread_time()
        sum(range(2_000_000))
        worked = time.thread_time() - began
    assert max(rests) == pytest.approx(worked, rel=0.3)


def test_it_is_over_when_the_block_is_left(rests: list[float]) -> None:
    with pytest.raises(ValueError), giving_way(lambda: False, nothing):  # noqa: PT011, PT012
        step()
        raise ValueError
    assert sys.getprofile() is None
    rests.clear()
    for _ in range(20_000):
        step()
    assert rests == []
