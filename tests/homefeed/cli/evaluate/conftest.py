"""The verbs of `homefeed evaluate`, called as a shell calls them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from homefeed.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`evaluate("policy", "--data", ...)` is the exit code, standard output and standard error of the verb."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["homefeed", "evaluate", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call
