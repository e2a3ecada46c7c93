"""Where the report of a training is written: into its folder, and to where reports are served from."""

import json
import shutil
from pathlib import Path
from typing import Any

from homefeed import windows
from homefeed.registry import open_registry
from homefeed.settings import Settings
from models.ranking.report.page import page
from models.training import Training

KIND = "ranking"
FILE, EVALUATION_FILE = "report.html", "evaluation.json"
_FIGURES = ("roc_auc", "pr_auc", "ne", "calibration", "grouped_auc", "ndcg_at_100", "gbt_ne", "holdout_rows")


def write_report(
    settings: Settings,
    training: Training,
    folder: Path,
    evaluation: dict[str, Any] | None,
    history: list[float],
) -> Path:
    """Write `report.html` and `evaluation.json` into the folder of a training that is not published yet.

    Args:
      settings: the settings tree.
      training: its record.
      folder: where to.
      evaluation: of `models.ranking.evaluation.evaluation_of`; None when the holdout has no exposure.
      history: normalised entropy on validation of every pass.
    """
    (folder / EVALUATION_FILE).write_text(json.dumps(evaluation, indent=1, allow_nan=False))
    file = folder / FILE
    file.write_text(page(content(settings, training, evaluation, history)))
    return file


def content(
    settings: Settings, training: Training, evaluation: dict[str, Any] | None, history: list[float]
) -> dict[str, Any]:
    """What the page shows, as plain values."""
    knobs, window = settings.ranking, training.window
    held_out = windows.shift(window, 1 - knobs.holdout_windows)
    validation = (windows.shift(held_out, -knobs.validation_windows), windows.shift(held_out, -1))
    return {
        "id": training.id,
        "parts": {"training": training.windows, "validation": validation, "holdout": (held_out, window)},
        "versions": training.versions,
        "metrics": training.metrics,
        "history": history,
        "evaluation": evaluation,
    }


def publish_report(settings: Settings, training: Training) -> Path:
    """Copy the report of a published training to where the Airflow UI serves it, and enter it in the registry.

    Returns:
      `reports/ranking/<id>/index.html`. A report of the same training is replaced.
    """
    html = settings.reports_path / KIND / training.id / "index.html"
    html.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(training.path / FILE, html)
    summary = {name: training.metrics.get(name) for name in _FIGURES}
    registry = open_registry(settings.resolved_registry_url)
    registry.add_report(KIND, training.window, training.id, html, summary)
    return html
