"""The button on a task leads to the file that the plugin serves."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.xcom import XCom

from dags.report_link import ReportLink, push_report
from homefeed.settings import load


class Task:
    """What a running task pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, str] = {}

    def xcom_push(self, key: str, value: str) -> None:
        self.pushed[key] = value


def test_the_path_under_the_reports_folder_becomes_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task, settings = Task(), load(var=Path("var"))
    push_report({"ti": task}, settings, tmp_path / "var" / "reports" / "retrieval" / "t1" / "index.html")

    def stored(*, key: str, ti_key: Any) -> str | None:
        return task.pushed.get(key)

    monkeypatch.setattr(XCom, "get_value", stored)
    assert ReportLink().get_link(None, ti_key=None) == "/homefeed/reports/retrieval/t1/index.html"
    task.pushed.clear()
    assert ReportLink().get_link(None, ti_key=None) == ""


def test_a_file_that_nobody_serves_has_no_link(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not in the subpath"):
        push_report({"ti": SimpleNamespace()}, load(var=tmp_path / "var"), tmp_path / "index.html")
