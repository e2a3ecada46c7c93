"""Train the two towers on one range of windows, choose the epoch on the next one, report recall on the newest."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tensorflow as tf

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.evaluation import recall_at
from models.profiles import Profiles, profiles_of
from models.retrieval.batches import Log
from models.retrieval.recall import popularity, ranks
from models.retrieval.trainer import Towers
from models.retrieval.watches import COUNT_SPANS, WatchCounts, Watches, watches_of
from models.training import Training, TrainingError, measured, publish_training
from models.video_table import VideoTable, video_table

KIND = "retrieval"
TABLES = ("watches", "videos", "users")


@dataclass(frozen=True)
class Split:
    """First instants, in microseconds, of validation and holdout, and the end of the newest window."""

    validation: int
    holdout: int
    end: int


def train_retrieval(settings: Settings, window: str) -> Training:
    """Train on every watch before the validation windows that end before the holdout windows that end with `window`.

    Args:
      settings: `settings.retrieval` shapes the model.
      window: newest closed window of exposures.

    Returns:
      The training; metrics `recall_at_100` and `popularity_recall_at_100` are of the holdout windows.

    Raises:
      TrainingError: no watches to train on or to choose the epoch by.
    """
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import watch_sequences

    lake = open_lake(settings.lake_path)
    versions = {table: lake.version(table) for table in TABLES}
    table = video_table(catalogue(settings, windows.end(window)))
    sequences = watch_sequences(settings, window, versions=versions)
    users = lake.read("users", version=versions["users"] if versions["users"] >= 0 else None)
    return fit(settings, window, table, watches_of(sequences, table), profiles_of(users), versions=versions)


def fit(
    settings: Settings,
    window: str,
    table: VideoTable,
    watches: Watches,
    profiles: Profiles,
    *,
    versions: Mapping[str, int],
) -> Training:
    """`train_retrieval` on columns in memory."""
    knobs = settings.retrieval
    split = _split(settings, window)
    log = Log(table, watches, profiles, WatchCounts(watches))
    train = watches.take(watches.times < split.validation).newest(knobs.max_train_watches)
    validation = _sample(watches, split.validation, split.holdout, knobs.max_eval_watches)
    holdout = _sample(watches, split.holdout, split.end, knobs.max_eval_watches)
    for part, name in ((train, "train on"), (validation, "choose the epoch by")):
        if not len(part):
            raise TrainingError(
                f"no watches to {name} for window {window}: ingest a longer history, or lower "
                "HOMEFEED_RETRIEVAL__VALIDATION_WINDOWS and HOMEFEED_RETRIEVAL__HOLDOUT_WINDOWS"
            )
    tf.keras.utils.set_random_seed(settings.seed)
    towers = Towers(settings, log)
    history = towers.train(train, lambda: towers.recall(validation))
    metrics: dict[str, Any] = {
        "recall_at_100": towers.recall(holdout),
        "popularity_recall_at_100": popularity_recall(log, holdout),
        "validation_recall_at_100": max(history),
        "validation_popularity_recall_at_100": popularity_recall(log, validation),
        "epochs": int(np.argmax(history)) + 1,
        "train_watches": len(train),
        "holdout_watches": len(holdout),
        "videos": len(table),
    }
    digest = hashlib.sha256(repr((sorted(versions.items()), knobs.model_dump(), settings.seed)).encode()).hexdigest()[
        :8
    ]
    path = settings.models_path / KIND / f"{window}-{digest}"
    draft = path.with_name(path.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    towers.save(draft, split.end)
    first = windows.window_of(datetime.fromtimestamp(int(train.times.min()) / 1_000_000, UTC))
    last = windows.shift(window, -knobs.holdout_windows - knobs.validation_windows)
    return publish_training(
        Training(KIND, path.name, path, window, (first, last), dict(versions), measured(metrics)), draft
    )


def popularity_recall(log: Log, wanted: Watches) -> float:
    """Recall@100 of the better of three lists of popular videos: of the last hour, day and seven days."""
    if not len(wanted):
        return float("nan")
    return max(recall_at(ranks(log, wanted, popularity(log, span)), 100) for span in COUNT_SPANS)


def _split(settings: Settings, window: str) -> Split:
    knobs = settings.retrieval
    holdout = windows.start(windows.shift(window, 1 - knobs.holdout_windows))
    validation = holdout - knobs.validation_windows * windows.WINDOW
    return Split(*(int(instant.timestamp()) * 1_000_000 for instant in (validation, holdout, windows.end(window))))


def _sample(watches: Watches, begin: int, until: int, most: int) -> Watches:
    """The newest `most` watches of [begin, until)."""
    return watches.take((watches.times >= begin) & (watches.times < until)).newest(most)
