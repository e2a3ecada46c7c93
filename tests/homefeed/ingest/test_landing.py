"""The landing folder: what is finished moves, what is being written waits."""

from pathlib import Path

import pytest

from homefeed.ingest.landing import LandingError, collect
from homefeed.settings import Settings, load

WINDOW = "20261123T2200Z"


def test_a_missing_landing_folder_is_made_and_empty(settings: Settings) -> None:
    assert collect(settings, WINDOW) == []
    assert settings.landing_path.is_dir()


def test_finished_files_move_and_unfinished_ones_wait(settings: Settings) -> None:
    settings.landing_path.mkdir(parents=True)
    for name in ("a.jsonl", "b.parquet", "c.jsonl.tmp", "d.part", ".e.jsonl"):
        (settings.landing_path / name).write_text(name)
    moved = collect(settings, WINDOW)
    assert [f.name for f in moved] == ["landing-a.jsonl", "landing-b.parquet"]
    assert moved[0].read_text() == "a.jsonl"
    assert sorted(f.name for f in settings.landing_path.iterdir()) == [".e.jsonl", "c.jsonl.tmp", "d.part"]


def test_a_file_of_the_same_name_does_not_replace_the_first(settings: Settings) -> None:
    settings.landing_path.mkdir(parents=True)
    for text in ("first", "second"):
        (settings.landing_path / "a.jsonl").write_text(text)
        collect(settings, WINDOW)
    texts = {f.name: f.read_text() for f in (settings.events_path / WINDOW).iterdir()}
    assert texts == {"landing-a.jsonl": "first", "landing-a-1.jsonl": "second"}


def test_a_landing_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("not a folder")
    with pytest.raises(LandingError, match="HOMEFEED_VAR"):
        collect(load(var=tmp_path / "var"), WINDOW)
