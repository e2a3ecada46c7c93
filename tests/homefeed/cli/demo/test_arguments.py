"""What the demo refuses before it starts anything."""

from pathlib import Path

import pytest

from homefeed.cli.demo import DemoError, _check
from homefeed.cli.demo.profile import VISIT_WINDOWS, demo_settings, history_end


def test_a_home_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(DemoError, match="is not empty"):
        _check("synthetic", None, tmp_path)
    assert (tmp_path / "mine").exists()


def test_data_without_a_format(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="--format movielens-100k"):
        _check("synthetic", tmp_path, None)


def test_a_format_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no format 'netflix'; formats are synthetic, .*movielens-100k"):
        _check("netflix", tmp_path, None)


@pytest.mark.parametrize("data", [None, "missing"])
def test_a_log_that_is_not_there(tmp_path: Path, data: str | None) -> None:
    with pytest.raises(DemoError, match="there is nothing at"):
        _check("movielens-100k", data and tmp_path / data, None)


def test_the_user_s_world_goes_before_the_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_WORLD__NUM_VIEWERS", "123")
    settings = demo_settings(tmp_path)
    assert settings.world.num_viewers == 123
    assert settings.world.history_days == 1.0
    assert settings.var == tmp_path / "var"


def test_the_visits_close_an_hour_only_with_the_window_that_is_ingested_after_them() -> None:
    from datetime import UTC, datetime, timedelta

    from homefeed import windows

    now = datetime(2026, 11, 23, 22, 34, tzinfo=UTC)
    end = history_end(now)
    after = windows.shift(windows.window_of(end), VISIT_WINDOWS)
    assert windows.closes_hour([windows.shift(after, -1)]) is not None
    assert windows.end(after) + timedelta(hours=1) < now
