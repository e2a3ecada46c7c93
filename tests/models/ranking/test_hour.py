"""Windows of an hour's training, ten of them."""

from homefeed import windows
from models.ranking.hour import hour_of

WINDOWS = windows.span("20261123T0000Z", "20261123T0300Z")


def test_nothing_new_is_no_hour() -> None:
    assert hour_of(WINDOWS[:10], WINDOWS[9], 0.5, 1).new == ()
    assert hour_of([], WINDOWS[9], 0.5, 1).learned == ()


def test_the_new_windows_the_hour_before_and_a_replay() -> None:
    hour = hour_of(WINDOWS, WINDOWS[14], 0.5, 1)
    assert hour.new == tuple(WINDOWS[15:])
    assert hour.checked == tuple(WINDOWS[9:15])
    assert len(hour.replayed) == len(hour.new) == 4
    assert set(hour.replayed) <= set(WINDOWS[:9])
    assert hour.learned == (*hour.replayed, *hour.new)


def test_the_same_hour_draws_the_same_windows_and_another_others() -> None:
    long = windows.span("20261122T0000Z", "20261123T0300Z")
    assert hour_of(long, long[100], 0.5, 1) == hour_of(long, long[100], 0.5, 1)
    assert hour_of(long, long[100], 0.5, 1).replayed != hour_of(long, long[100], 0.5, 2).replayed


def test_what_there_is_not_cannot_be_replayed() -> None:
    hour = hour_of(WINDOWS, WINDOWS[3], 0.9, 1)
    assert (hour.replayed, hour.checked) == ((), tuple(WINDOWS[:4]))
    assert hour_of(WINDOWS, WINDOWS[14], 0.0, 1).replayed == ()
