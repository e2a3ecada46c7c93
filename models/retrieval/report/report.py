"""Where the report of a training is written: into its folder, and to where reports are served from."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from homefeed import windows
from homefeed.registry import open_registry
from homefeed.settings import Settings
from models.names import Names
from models.retrieval.batches import Log
from models.retrieval.report.distribution import Distribution, distribution
from models.retrieval.report.examples import examples, unit
from models.retrieval.report.page import page
from models.training import Training

KIND = "retrieval"
FILE = "report.html"
#: Pairs of videos whose cosines are counted.
_NUM_PAIRS = 20_000


def write_report(settings: Settings, training: Training, folder: Path, log: Log, names: Names) -> Path:
    """Write `report.html` into the folder of a training that is not published yet.

    Args:
      settings: the settings tree.
      training: its record.
      folder: holds `vectors.npy`, `videos.npy` and `queries.npy`.
      log: catalogue, watches and counts.
      names: shown in place of keys.
    """
    file = folder / FILE
    file.write_text(page(content(settings, training, folder, log, names)))
    return file


def content(settings: Settings, training: Training, folder: Path, log: Log, names: Names) -> dict[str, Any]:
    """What the page shows, as plain values."""
    knobs, window = settings.retrieval, training.window
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    end = int(windows.end(window).timestamp()) * 1_000_000
    held_out = windows.shift(window, 1 - knobs.holdout_windows)
    validation = (windows.shift(held_out, -knobs.validation_windows), windows.shift(held_out, -1))
    first, second = np.random.default_rng(settings.seed).integers(0, max(len(vectors), 1), (2, _NUM_PAIRS))
    different, directions = first != second, unit(vectors)
    pairs = np.einsum("pd,pd->p", directions[first[different]], directions[second[different]])
    return {
        "id": training.id,
        "window": window,
        "parts": {"training": training.windows, "validation": validation, "holdout": (held_out, window)},
        "started_from": training.started_from,
        "versions": training.versions,
        "metrics": training.metrics,
        "distributions": {
            "lengths": _plain(distribution(np.linalg.norm(vectors[:, :-1], axis=1))),
            "biases": _plain(distribution(vectors[:, -1])),
            "queries": _plain(distribution(np.linalg.norm(queries[:, :-1], axis=1))),
            "pairs": _plain(distribution(pairs)),
        },
        "examples": [asdict(one) for one in examples(log, np.load(folder / "videos.npy"), vectors, end, names)],
    }


def publish_report(settings: Settings, training: Training) -> Path:
    """Copy the report of a published training to where the Airflow UI serves it, and enter it in the registry.

    Returns:
      `reports/retrieval/<id>/index.html`. A report of the same training is replaced.
    """
    html = settings.reports_path / KIND / training.id / "index.html"
    html.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(training.path / FILE, html)
    figures = ("recall_at_100", "popularity_recall_at_100", "train_watches", "holdout_watches", "videos", "epochs")
    summary = {name: training.metrics[name] for name in figures}
    registry = open_registry(settings.resolved_registry_url)
    registry.add_report(KIND, training.window, training.id, html, summary)
    return html


def _plain(found: Distribution | None) -> dict[str, Any] | None:
    return asdict(found) if found else None
