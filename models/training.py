"""One training: where its files are, what it read and how good it is. The reference that travels in asset events."""

import hashlib
import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from homefeed.errors import HomefeedError
from homefeed.settings import Settings

FILE = "training.json"


class TrainingError(HomefeedError):
    """A model cannot be trained or read; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Training:
    """A trained model on disk.

    Attributes:
      kind: `retrieval` or `ranking`.
      id: names the folder: kind's window and a digest of what was read.
      path: folder of the model's files.
      window: newest closed window it was given.
      windows: first and last window that its weights learned from.
      versions: version of each lake table that it read.
      metrics: quality on windows that training never saw.
      settings_digest: of the knobs that shape the model.
      started_from: id of the training that it went on from; empty for one that started anew.
      full_window: `window` of the training that its chain started anew with; its own when that is itself.
    """

    kind: str
    id: str
    path: Path
    window: str
    windows: tuple[str, str]
    versions: dict[str, int]
    metrics: dict[str, Any]
    settings_digest: str = ""
    started_from: str = ""
    full_window: str = ""


def publish_training(training: Training, draft: Path) -> Training:
    """Move a finished draft folder to the training's path, all or nothing; a training of the same id is replaced."""
    record = asdict(training) | {"path": str(training.path)}
    (draft / FILE).write_text(json.dumps(record, indent=2))
    if training.path.exists():
        shutil.rmtree(training.path)
    draft.rename(training.path)
    return training


def read_training(path: Path) -> Training:
    """Read the record of a training. Raises TrainingError when `path` holds none."""
    try:
        record = json.loads((path / FILE).read_text())
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path} holds no finished training ({error}); run the training DAG of that model again"
        ) from error
    return Training(**{**record, "path": path, "windows": tuple(record["windows"])})


def newest_training(folder: Path, before: str) -> Training | None:
    """The finished training of the newest window before `before` in the folder of a kind; None when there is none."""
    # A folder is named by its window first, which sorts by time.
    older = [path for path in folder.glob(f"*/{FILE}") if path.parent.name < before and path.parent.suffix != ".draft"]
    return read_training(max(older).parent) if older else None


def new_draft(settings: Settings, kind: str, window: str, made_from: object) -> tuple[Path, Path]:
    """Where a training will be published, named by its window and what it is made from, and an empty folder beside it
    to fill first."""
    path = settings.models_path / kind / f"{window}-{digest_of(made_from)}"
    draft = path.with_name(path.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return path, draft


def digest_of(read: object) -> str:
    """A short name of what a training was made from."""
    return hashlib.sha256(repr(read).encode()).hexdigest()[:8]


def measured(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics for JSON: a number that could not be measured is None, so that a gate waits instead of comparing it."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
