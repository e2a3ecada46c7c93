"""Where the report of a training is written: into its folder, and to where reports are served from."""

import json
from pathlib import Path
from typing import Any

from homefeed.settings import Settings
from models.ranking.report.page import page
from models.report.training import FILE, parts_of, publish_report_of
from models.training import Training

EVALUATION_FILE = "evaluation.json"
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
    return {
        "id": training.id,
        "parts": parts_of(training, settings.ranking),
        "versions": training.versions,
        "metrics": training.metrics,
        "history": history,
        "evaluation": evaluation,
    }


def publish_report(settings: Settings, training: Training) -> Path:
    """`publish_report_of` with what counts in ranking."""
    return publish_report_of(settings, training, _FIGURES)
