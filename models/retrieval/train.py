"""Train the two towers on one range of windows, choose the epoch on the next one, report recall on the newest."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import tensorflow as tf

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.names import NO_NAMES, Names, names_of
from models.profiles import Profiles, profiles_of
from models.retrieval.batches import Log
from models.retrieval.content import title_collision_rate
from models.retrieval.quality import quality_of
from models.retrieval.report import write_report
from models.retrieval.start import KIND, shape_digest, start_of
from models.retrieval.train_set import all_watches, newest_watches
from models.retrieval.trainer import Towers
from models.retrieval.watches import WatchCounts, Watches, watches_of
from models.training import Training, TrainingError, measured, new_draft, publish_training
from models.video_table import VideoTable, video_table

TABLES = ("watches", "videos", "users")
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Split:
    """First instants, in microseconds, of validation and holdout, and the end of the newest window."""

    validation: int
    holdout: int
    end: int


def train_retrieval(settings: Settings, window: str) -> Training:
    """Train on the watches before the validation windows that end before the holdout windows that end with `window`: on
    all of them once a day, else on those since the training before and a replay of older ones (`start_of`).

    Args:
      settings: `settings.retrieval` shapes the model.
      window: newest closed window of exposures.

    Returns:
      The training; metrics `recall_at_100`, `recall_at_k` and `slices`, and those of popularity, are of the holdout
      windows. `losses` and `validations` are of every pass (`trainer.Passes`). Its folder holds `report.html`.

    Raises:
      TrainingError: no watches to train on or to choose the epoch by.
    """
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import watch_sequences

    lake = open_lake(settings.lake_path)
    versions = {table: lake.version(table) for table in TABLES}
    videos = catalogue(settings, windows.end(window))
    table = video_table(videos)
    sequences = watch_sequences(settings, window, versions=versions)
    users = lake.read("users", version=versions["users"] if versions["users"] >= 0 else None)
    return fit(
        settings,
        window,
        table,
        watches_of(sequences, table),
        profiles_of(users),
        versions=versions,
        start=start_of(settings, window),
        names=names_of(videos, users),
    )


def fit(
    settings: Settings,
    window: str,
    table: VideoTable,
    watches: Watches,
    profiles: Profiles,
    *,
    versions: Mapping[str, int],
    start: Training | None = None,
    names: Names = NO_NAMES,
) -> Training:
    """`train_retrieval` on columns in memory, going on from `start` if there is one; `names` are shown in the
    report."""
    knobs = settings.retrieval
    split = _split(settings, window)
    log = Log(table, watches, profiles, WatchCounts(watches))
    since = _microseconds(windows.end(start.windows[1])) if start else split.validation - knobs.newest_h * _HOUR_US
    newest = newest_watches(watches, since, split.validation, knobs, np.random.default_rng(settings.seed))
    train = newest if start else all_watches(watches, split.validation, knobs)
    validation = _sample(watches, split.validation, split.holdout, knobs.max_eval_watches)
    holdout = _sample(watches, split.holdout, split.end, knobs.max_eval_watches)
    for is_missing, name in (
        (start is None and not len(train), "train on"),
        (not len(validation), "choose the epoch by"),
    ):
        if is_missing:
            raise TrainingError(
                f"no watches to {name} for window {window}: ingest a longer history, or lower "
                "HOMEFEED_RETRIEVAL__VALIDATION_WINDOWS and HOMEFEED_RETRIEVAL__HOLDOUT_WINDOWS"
            )
    tf.keras.utils.set_random_seed(settings.seed)
    began = time.monotonic()
    towers = Towers(settings, log, train, newest=None if start else newest, start=start.path if start else None)
    passes = towers.train(lambda: towers.recall(validation))
    learning_s = time.monotonic() - began
    metrics = quality_of(towers, passes, log, validation=validation, holdout=holdout, names=names, seed=settings.seed)
    metrics |= {
        "epochs": int(np.argmax(passes.validations)) + (start is None),
        "learning_s": learning_s,
        "train_watches": len(train),
        "videos": len(table),
        "new_videos": towers.num_new_videos,
        "frequency_collision_rate": towers.frequency_collision_rate,
        "title_collision_rate": title_collision_rate(table),
    }
    made_from = (sorted(versions.items()), knobs.model_dump(), settings.seed, start.id if start else "")
    path, draft = new_draft(settings, KIND, window, made_from)
    towers.save(draft, split.end)
    training = Training(
        kind=KIND,
        id=path.name,
        path=path,
        window=window,
        windows=(start.windows[0] if start else _window(train.watches), _before(split.validation)),
        versions=dict(versions),
        metrics=measured(metrics),
        settings_digest=shape_digest(settings),
        started_from=start.id if start else "",
        full_window=start.full_window if start else window,
    )
    write_report(settings, training, draft, log, names)
    return publish_training(training, draft)


def _split(settings: Settings, window: str) -> Split:
    knobs = settings.retrieval
    holdout = windows.start(windows.shift(window, 1 - knobs.holdout_windows))
    validation = holdout - knobs.validation_windows * windows.WINDOW
    return Split(*(_microseconds(instant) for instant in (validation, holdout, windows.end(window))))


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1_000_000


def _window(watches: Watches) -> str:
    """The window of the oldest watch."""
    return windows.window_of(datetime.fromtimestamp(int(watches.times.min()) / 1_000_000, UTC))


def _before(instant: int) -> str:
    """The window that ends at an instant."""
    return windows.shift(windows.window_of(datetime.fromtimestamp(instant / 1_000_000, UTC)), -1)


def _sample(watches: Watches, begin: int, until: int, most: int) -> Watches:
    """The newest `most` watches of [begin, until)."""
    return watches.take((watches.times >= begin) & (watches.times < until)).newest(most)
