"""A thread that gives way rests as long as it works, and longer while others are busy."""

import time

import pytest

from serving import giving_way as module
from serving.giving_way import GivingWay


def work(give_way: GivingWay, seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        sum(range(100))
        give_way()


def nothing() -> None:
    """What is done meanwhile."""


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(module.time, "sleep", made.append)
    return made


def test_it_rests_as_long_as_it_works(rests: list[float]) -> None:
    work(GivingWay(lambda: False, nothing), 0.05)
    assert len(rests) > 10
    # What was worked since the last rest, half a millisecond or so, is not rested for.
    assert sum(rests) == pytest.approx(0.05, rel=0.1)


def test_it_rests_until_nobody_is_busy(rests: list[float]) -> None:
    answers = [True, True, False]
    work(GivingWay(lambda: answers.pop(0) if answers else False, nothing), 0.001)
    assert rests[1:3] == [0.002] * 2
    assert answers == []


def test_where_someone_always_is_it_goes_on_after_six_milliseconds(rests: list[float]) -> None:
    work(GivingWay(lambda: True, nothing), 0.02)
    looks = [rest for rest in rests if rest == 0.002]
    assert len(looks) > 50
    # Three looks for each rest of its own, each of them for half a millisecond of work or a little more.
    assert len(looks) == 3 * (len(rests) - len(looks))


def test_whoever_is_busy_nobody_waits_for_a_step_that_took_no_time(rests: list[float]) -> None:
    give_way = GivingWay(lambda: True, nothing)
    give_way()
    assert rests == []


def test_at_each_call_it_does_what_is_to_be_done_meanwhile_after_the_rest(rests: list[float]) -> None:
    done: list[int] = []
    give_way = GivingWay(lambda: False, lambda: done.append(len(rests)))
    give_way()
    work(give_way, 0.001)
    assert done[0] == 0
    assert done[-1] == len(rests) > 0


def test_one_long_step_is_rested_for_when_it_is_over(rests: list[float]) -> None:
    give_way = GivingWay(lambda: False, nothing)
    began = time.thread_time()
    sum(range(2_000_000))
    worked = time.thread_time() - began
    give_way()
    assert rests == [pytest.approx(worked, rel=0.3)]


def test_what_is_done_meanwhile_may_end_the_work() -> None:
    def end() -> None:
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        GivingWay(lambda: False, end)()
