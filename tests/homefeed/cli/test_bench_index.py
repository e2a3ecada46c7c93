"""What `homefeed bench index` measures with, on vectors that can be checked by hand."""

import numpy as np
import pytest

from homefeed.cli.bench import index, rivals


def case() -> index.Case:
    return index.Case(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[:2], np.array([[0, 1], [1, 0]]))


def test_recall_is_the_share_of_the_exact_rows() -> None:
    recall, ms = case().measure(lambda query, k: np.array([int(query.argmax()), 3]))
    assert recall == 0.5
    assert ms > 0


def test_the_first_setting_that_finds_enough_is_taken_else_the_last() -> None:
    few, all_ = (lambda query, k: np.array([0, 3])), (lambda query, k: np.array([0, 1]))
    assert case().first_enough(iter([few, all_, few]))[0] == 1
    assert case().first_enough(iter([few]))[0] == 0.5


class Screen:
    """Stands for the progress bar."""

    def __init__(self) -> None:
        self.console, self.lines = self, []

    def print(self, line: str) -> None:
        self.lines.append(line)


def test_what_is_not_installed_is_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "find_spec", lambda name: None)
    screen = Screen()
    assert index._rivals(case(), screen) == {}
    assert screen.lines == ["left out, not installed: hnswlib, faiss; pip install 'homefeed[bench]'"]


def test_every_result_has_a_meaning() -> None:
    assert {f"{name}_equal_ms" for name in rivals.RIVALS} <= index.MEANING.keys()
