"""Train the two towers on one range of windows, choose the epoch on the next one, report recall on the newest."""

import time
from collections.abc import Mapping

import numpy as np

from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.names import NO_NAMES, Names, names_of
from models.progress import Progress
from models.retrieval.batches import Log
from models.retrieval.lesson import TABLES, Lesson, read_log
from models.retrieval.quality import quality_of
from models.retrieval.report import write_report
from models.retrieval.start import KIND, shape_digest, start_of
from models.retrieval.titles import title_collision_rate
from models.start import made_from
from models.trainers.cluster import together
from models.trainers.group import Group
from models.trainers.notes import notes_of
from models.training import Training, measured, new_draft, publish_training


def train_retrieval(settings: Settings, window: str) -> Training:
    """Train on the watches before the validation windows that end before the holdout windows that end with `window`: on
    all of them once a day, else on those since the training before and a replay of older ones (`start_of`). A training
    of `window` that was killed goes on from its notes, with the versions of the tables that it began with.

    Args:
      settings: `settings.retrieval` shapes the model.
      window: newest closed window of exposures.

    Returns:
      The training; metrics `recall_at_100`, `recall_at_k` and `slices`, and those of popularity, are of the holdout
      windows. `losses` and `validations` are of every pass (`trainer.Passes`). Its folder holds `report.html`.

    Raises:
      TrainingError: no watches to train on or to choose the epoch by.
      TrainersError: a worker of `settings.trainers` does not come, cannot take part or is lost.
    """
    lake = open_lake(settings.lake_path)
    start = start_of(settings, window)
    started_from = start.id if start else ""
    # Notes are of the versions that the training began with.
    notes = notes_of(settings, KIND, window, {table: lake.version(table) for table in TABLES}, started_from)
    with together(settings, KIND, window, notes.versions, started_from, notes.steps()) as group:
        read = read_log(settings, window, notes.versions)
        training = fit(
            settings,
            window,
            read.log,
            versions=notes.versions,
            start=start,
            names=names_of(read.videos, read.users),
            progress=notes,
            group=group,
        )
    notes.end()
    return training


def fit(
    settings: Settings,
    window: str,
    log: Log,
    *,
    versions: Mapping[str, int],
    start: Training | None = None,
    names: Names = NO_NAMES,
    progress: Progress | None = None,
    group: Group | None = None,
) -> Training:
    """`train_retrieval` on a log in memory, going on from `start` if there is one; `names` are shown in the report,
    `progress` is noted, and `group` takes part."""
    lesson = Lesson(settings, window, log, start)
    began = time.monotonic()
    towers = lesson.towers(group)
    passes = towers.train(lambda: towers.recall(lesson.validation), progress=progress)
    learning_s = time.monotonic() - began
    metrics = quality_of(
        towers,
        passes,
        log,
        validation=lesson.validation,
        holdout=lesson.holdout,
        names=names,
        seed=settings.seed,
    )
    metrics |= {
        "epochs": int(np.argmax(passes.validations)) + (start is None),
        "learning_s": learning_s,
        "train_watches": len(lesson.train),
        "videos": len(log.table),
        "new_videos": towers.num_new_videos,
        "frequency_collision_rate": towers.frequency_collision_rate,
        "title_collision_rate": title_collision_rate(log.table.titles),
    }
    named = made_from(settings.retrieval, versions, settings.seed, start)
    path, draft = new_draft(settings, KIND, window, named)
    towers.save(draft, lesson.end)
    training = Training(
        kind=KIND,
        id=path.name,
        path=path,
        window=window,
        windows=lesson.trained,
        versions=dict(versions),
        metrics=measured(metrics),
        settings_digest=shape_digest(settings),
        started_from=start.id if start else "",
        full_window=start.full_window if start else window,
    )
    write_report(settings, training, draft, log, names)
    return publish_training(training, draft)
