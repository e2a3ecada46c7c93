"""Where the report of a training is written: into its folder, and to where reports are served from."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from homefeed import windows
from homefeed.settings import Settings
from models.names import Names
from models.report.training import FILE, parts_of, publish_report_of
from models.retrieval.batches import Log
from models.retrieval.report.distribution import Distribution, distribution
from models.retrieval.report.examples import examples, unit
from models.retrieval.report.page import page
from models.training import Training

_FIGURES = ("recall_at_100", "popularity_recall_at_100", "train_watches", "holdout_watches", "videos", "epochs")
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
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    end = int(windows.end(training.window).timestamp()) * 1_000_000
    first, second = np.random.default_rng(settings.seed).integers(0, max(len(vectors), 1), (2, _NUM_PAIRS))
    different, directions = first != second, unit(vectors)
    pairs = np.einsum("pd,pd->p", directions[first[different]], directions[second[different]])
    return {
        "id": training.id,
        "window": training.window,
        "parts": parts_of(training, settings.retrieval),
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
    """`publish_report_of` with what counts in retrieval."""
    return publish_report_of(settings, training, _FIGURES)


def _plain(found: Distribution | None) -> dict[str, Any] | None:
    return asdict(found) if found else None
