"""Train the ranker, choose its epoch and calibrate it on the next windows, report its quality on the newest."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.evaluation.operating_point import best_threshold
from models.names import NO_NAMES, Names
from models.progress import Progress
from models.ranking.baseline import tree_predictions
from models.ranking.calibrated import calibrated_ranker, newest, save_calibrators
from models.ranking.evaluation import Rival, evaluation_of
from models.ranking.examples import Examples
from models.ranking.holdout_metrics import holdout_metrics
from models.ranking.lesson import TABLES, Lesson
from models.ranking.live import live_rival
from models.ranking.reference import save_reference
from models.ranking.report import write_report
from models.ranking.share import KIND
from models.ranking.viewer_sample import viewer_sample
from models.start import IS_REFUSED, made_from, shape_digest, training_before
from models.trainers.cluster import together
from models.trainers.group import Group
from models.trainers.notes import notes_of
from models.training import Training, TrainingError, measured, new_draft, publish_training
from models.value import value_weights

_TREE = "gradient-boosted tree"
#: An hour's exposures would teach it far less than the ranker knows.
_NO_TREE = Rival("tree", _TREE, None, "it learns only when the ranker starts anew, once a day")


def train_ranking(settings: Settings, window: str, live: str | None = None) -> Training:
    """Train on exposures before the validation windows that end before the holdout windows that end with `window`: on
    all of them once a day, else on those since the training before and a replay of older ones
    (`models.start.training_before`, `models.ranking.hour`). A training of `window` that was killed goes on from its
    notes, with the versions of the tables that it began with.

    Args:
      settings: `settings.ranking` shapes sampling, training and calibration.
      window: newest closed window of exposures.
      live: release that the report compares with; None for none.

    Returns:
      The training. `older_ne_ratio` is the normalised entropy of the hour before after learning, over that before;
      where it is above `ranking.max_older_ne_ratio`, `is_refused` is true and the weights are those it started from.
      Metrics `roc_auc`, `pr_auc`, `ne`, `calibration` of the watched head and `holdout_metrics.SUMMARY`, with their
      `intervals`, are of the holdout windows, and `gbt_...` those of a gradient-boosted tree on the same features. Its
      folder holds the whole `evaluation.json` and `report.html`.

      Exposures of bots (`feature_repo.bots`) are in no part: metric `bot_viewers` counts those, and `bot_train_rows`,
      `bot_validation_rows` and `bot_holdout_rows` the exposures that are left out. Windows without any, such as those
      that ingestion missed, are gone over: `empty_windows` counts them from the first that was published.

    Raises:
      TrainingError: a part of the split holds no positive exposures.
      TrainersError: a worker of `settings.trainers` does not come, cannot take part or is lost.
    """
    versions = {table: open_lake(settings.lake_path).version(table) for table in TABLES}
    start = training_before(settings, KIND, settings.ranking, window)
    # Notes are of the versions that the training began with: a window that was published since is not read.
    notes = notes_of(settings, KIND, window, versions, start.id if start else "")
    versions = notes.versions
    with together(settings, KIND, window, versions, start.id if start else "", notes.steps()) as group:
        lesson = Lesson(settings, window, versions, start)
        rows = lesson.holdout()
        train, older, validation, holdout = lesson.train(), lesson.older(), lesson.validation(), lesson.examples(rows)
        training = fit(
            settings,
            window,
            trained=lesson.trained,
            train=train,
            validation=validation,
            holdout=holdout,
            versions=versions,
            start=lesson.start,
            older=older,
            left_out=lesson.left_out,
            names=lesson.names(rows),
            live=None if live is None else lambda found: live_rival(settings, live, lesson.holdout_first, found),
            progress=notes,
            group=group,
        )
    notes.end()
    return training


def fit(
    settings: Settings,
    window: str,
    *,
    trained: tuple[str, str],
    train: Examples,
    validation: Examples,
    holdout: Examples,
    versions: Mapping[str, int],
    start: Training | None = None,
    older: Examples | None = None,
    left_out: Mapping[str, int] | None = None,
    names: Names = NO_NAMES,
    live: Callable[[Examples], Rival] | None = None,
    progress: Progress | None = None,
    group: Group | None = None,
) -> Training:
    """`train_ranking` on examples in memory; `trained` is the first and last window that was learned, `start` is gone
    on from, `older` must not get worse then, `left_out` counts what was kept out of the examples, `names` are shown in
    the report, `live` predicts the holdout as the live release does, `progress` is noted, and `group` takes part."""
    knobs = settings.ranking
    for part, name in ((train, "train on"), (validation, "calibrate on")):
        if not len(part) or not 0 < part.labels["watched"].sum() < len(part):
            raise TrainingError(
                f"the exposures to {name} for window {window} are {len(part)}, of which "
                f"{int(part.labels['watched'].sum())} were watched; both kinds are needed: ingest a longer history"
            )
    train = newest(train, knobs.max_train_rows)
    began = time.monotonic()
    ranker = calibrated_ranker(settings, train, validation, start.path if start else None, older, progress, group)
    learned, learning_s = ranker.learned, time.monotonic() - began
    every_holdout, holdout = holdout, viewer_sample(holdout, knobs.max_eval_rows, settings.seed)
    metrics: dict[str, Any] = {
        "epochs": learned.kept,
        "passes": len(learned.history) - (start is not None),
        "validation_ne": learned.validation_ne,
        "older_ne_ratio": learned.older_ne_ratio,
        IS_REFUSED: learned.is_refused,
        "learning_s": learning_s,
        "train_rows": len(train),
        "new_videos": ranker.trainer.num_new_videos,
        "holdout_exposures": len(every_holdout),
        "holdout_rows": len(holdout),
        "holdout_positives": int(holdout.labels["watched"].sum()),
        **(left_out or {}),
    }
    evaluation: dict[str, Any] | None = None
    if len(holdout):
        heads = ranker.heads(holdout)
        tree = _tree(settings, train, validation, holdout) if start is None else _NO_TREE
        evaluation = evaluation_of(
            holdout,
            heads,
            seed=settings.seed,
            weights=value_weights(knobs),
            threshold=best_threshold(validation.labels["watched"] > 0, ranker.promised["watched"], validation.weight),
            num_groups=settings.monitoring.reliability_bins,
            chosen_share=settings.evaluation.chosen_share,
            names=names,
            rivals=[tree, *([live(holdout)] if live else [])],
        )
        metrics |= holdout_metrics(holdout, heads, tree.watched, evaluation)
    path, draft = new_draft(settings, KIND, window, made_from(knobs, versions, settings.seed, start))
    ranker.trainer.save(draft)
    save_calibrators(draft, ranker.calibrators)
    save_reference(draft, validation, ranker.promised, settings.seed)
    training = Training(
        kind=KIND,
        id=path.name,
        path=path,
        window=window,
        windows=trained,
        versions=dict(versions),
        metrics=measured(metrics),
        settings_digest=shape_digest(knobs),
        started_from=start.id if start else "",
        full_window=start.full_window if start else window,
    )
    write_report(settings, training, draft, evaluation, learned.history)
    return publish_training(training, draft)


def _tree(settings: Settings, train: Examples, validation: Examples, holdout: Examples) -> Rival:
    read = newest(train, settings.ranking.max_tree_rows)
    return Rival("tree", _TREE, tree_predictions(settings, read, validation, holdout))
