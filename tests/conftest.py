"""Fixtures that every part uses. In CI a missing folder or server is a failure; elsewhere the test skips."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from homefeed.settings import Settings, load


def missing(what: str) -> None:
    """Skip the test because of `what`, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; in CI that is a failure")
    pytest.skip(what)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The default settings with everything written under a folder of this test."""
    return load(var=tmp_path / "var")


@pytest.fixture
def public_data() -> Callable[[str], Path]:
    """`public_data("ml-100k")` is the folder of a public log, or the test skips."""

    def find(name: str) -> Path:
        folder = load().data / name
        if not folder.is_dir():
            missing(f"no public data at {folder}; HOMEFEED_DATA names the folder that holds {name}")
        return folder

    return find


@pytest.fixture
def program() -> Callable[[str], str]:
    """`program("chromium")` is the path of a program of the system, or the test skips."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing(f"{name} is not installed; Debian's package of that name has it")
        assert path is not None
        return path

    return find
