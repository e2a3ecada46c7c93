"""What the reports of both trainings share: the windows they read, and where a published one is served from."""

import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from homefeed import windows
from homefeed.registry import open_registry
from homefeed.settings import Settings
from homefeed.settings.ranking import RankingSettings
from homefeed.settings.retrieval import RetrievalSettings
from models.report.section import section
from models.training import Training

FILE = "report.html"
#: Part of the windows -> first and last of them.
Parts = Mapping[str, tuple[str, str]]


def parts_of(training: Training, knobs: RetrievalSettings | RankingSettings) -> Parts:
    """First and last window of `training`, `validation` and `holdout`."""
    held_out = windows.shift(training.window, 1 - knobs.holdout_windows)
    validation = (windows.shift(held_out, -knobs.validation_windows), windows.shift(held_out, -1))
    return {"training": training.windows, "validation": validation, "holdout": (held_out, training.window)}


def read_section(parts: Parts, told: Mapping[str, str], sentence: str, versions: Mapping[str, int]) -> str:
    """The section on what a training read.

    Args:
      parts: of `parts_of`.
      told: what each part was for, plain text.
      sentence: HTML that stands before the tables.
      versions: of the lake tables.
    """
    steps = "".join(
        f'<li class="{name}"><b>{name}</b><span>{escape(first)} to {escape(last)}</span>'
        f"<small>{told[name]}</small></li>"
        for name, (first, last) in parts.items()
    )
    read = ", ".join(f"{escape(name)} at version {version}" for name, version in sorted(versions.items()))
    return section(
        "What it read",
        "Time runs from left to right; a window is named by the minute it starts at, in UTC, and lasts ten minutes.",
        f'<ol class="windows">{steps}</ol><p>{sentence} Lake tables: {read or "none, columns in memory"}.</p>',
    )


def publish_report_of(settings: Settings, training: Training, figures: Sequence[str]) -> Path:
    """Copy the report of a published training to where the Airflow UI serves it, and enter it in the registry.

    Args:
      settings: the settings tree.
      training: whose folder holds `report.html`.
      figures: metrics that the registry lists; one that was not measured is None.

    Returns:
      `reports/<kind>/<id>/index.html`. A report of the same training is replaced.
    """
    html = settings.reports_path / training.kind / training.id / "index.html"
    html.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(training.path / FILE, html)
    summary = {name: training.metrics.get(name) for name in figures}
    registry = open_registry(settings.resolved_registry_url)
    registry.add_report(training.kind, training.window, training.id, html, summary)
    return html
