"""Window arithmetic: names, edges, ranges."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from homefeed import windows

W = "20261123T2210Z"


@pytest.mark.parametrize(
    ("minute", "second", "window"), [(10, 0, W), (19, 59, W), (20, 0, "20261123T2220Z"), (9, 59, "20261123T2200Z")]
)
def test_a_time_on_the_edge_belongs_to_the_window_that_starts_there(minute: int, second: int, window: str) -> None:
    assert windows.window_of(datetime(2026, 11, 23, 22, minute, second, tzinfo=UTC)) == window


def test_other_time_zones_are_converted_and_none_is_refused() -> None:
    berlin = timezone(timedelta(hours=1))
    assert windows.window_of(datetime(2026, 11, 23, 23, 10, tzinfo=berlin)) == W
    with pytest.raises(ValueError, match="no time zone"):
        windows.window_of(datetime(2026, 11, 23, 22, 10))


@pytest.mark.parametrize("name", ["", "latest", "2026-11-23T22:10", "20261123T2215Z"])
def test_a_name_that_is_no_window_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a window"):
        windows.start(name)


def test_span_holds_both_ends_and_crosses_midnight() -> None:
    assert windows.span(W, W) == [W]
    assert windows.span(W, windows.shift(W, -1)) == []
    assert windows.span("20261123T2350Z", "20261124T0000Z") == ["20261123T2350Z", "20261124T0000Z"]


def test_between_is_half_open() -> None:
    begin = windows.start(W)
    assert windows.between(begin, begin) == []
    assert windows.between(begin, windows.end(W)) == [W]
    assert windows.between(begin, windows.end(W) + timedelta(seconds=1)) == [W, "20261123T2220Z"]


def test_an_hour_closes_with_its_last_window() -> None:
    assert windows.closes_hour([]) is None
    assert windows.closes_hour([W, "20261123T2240Z"]) is None
    assert windows.closes_hour(["20261123T2150Z", "20261123T2250Z", W]) == "20261123T2250Z"
