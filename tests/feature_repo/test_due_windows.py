"""Which windows new events make due."""

from feature_repo.due import changed_windows, due_windows, unpublished_windows
from tests.feature_repo.conftest import HandmadeSite, window

A, B, C, D = (window(clock) for clock in ("22:00", "22:10", "22:20", "22:30"))


def test_nothing_is_due_when_nothing_changed() -> None:
    assert due_windows([], D) == []
    assert changed_windows([], [A, B], reach=6) == []


def test_a_window_is_due_once_the_next_one_has_arrived() -> None:
    assert due_windows([B], B) == [A]
    assert due_windows([B], C) == [A, B]


def test_each_changed_window_makes_the_one_before_due_once() -> None:
    assert due_windows([C, B], D) == [A, B, C]


def test_a_window_that_nothing_followed_is_found_by_its_impressions(site: HandmadeSite) -> None:
    site.impression("u", "v", "22:05")
    site.commit()
    assert unpublished_windows(site.settings, A) == []
    assert unpublished_windows(site.settings, B) == [A]


def test_a_late_event_reaches_published_windows_within_its_span() -> None:
    assert changed_windows([A], [A, B, C, D], reach=2) == [A, B, C]
    assert changed_windows([A], [A, B, C, D], reach=None) == [A, B, C, D]


def test_silent_windows_between_the_newest_published_and_the_touched_one_are_published_too() -> None:
    assert changed_windows([D], [A], reach=6) == [B, C, D]
    assert changed_windows([D], [], reach=6) == [D]
