"""Train the ranker, choose its epoch and calibrate it on the next windows, report its quality on the newest."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf
from numpy.typing import NDArray

from homefeed import windows
from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.evaluation import calibration, quality
from models.evaluation.operating_point import best_threshold
from models.names import NO_NAMES, Names, names_of
from models.ranking.baseline import tree_predictions
from models.ranking.calibration import Calibrator, calibrate
from models.ranking.evaluation import Rival, evaluation_of
from models.ranking.examples import Examples, examples_of
from models.ranking.live import live_rival
from models.ranking.report import write_report
from models.ranking.trainer import Trainer
from models.training import Training, TrainingError, measured, new_draft, publish_training
from models.value import value_weights
from models.video_table import video_table

KIND = "ranking"
TABLES = (
    "exposures",
    "videos",
    "users",
    "user_state",
    "user_aggregates",
    "video_aggregates",
    "channel_aggregates",
    "topic_aggregates",
)
#: Rows of features and predictions kept beside the model: what drift is measured against.
REFERENCE_ROWS = 20_000
REFERENCE_FILE = "reference.parquet"
#: Measures of the watched head, of `models.evaluation.measures`, that are metrics of the training.
SUMMARY = ("grouped_auc", "ndcg_at_100", "watch_time_loss", "precision", "recall", "f1")


def train_ranking(settings: Settings, window: str, live: str | None = None) -> Training:
    """Train on exposures before the validation windows that end before the holdout windows that end with `window`.

    Args:
      settings: `settings.ranking` shapes sampling, training and calibration.
      window: newest closed window of exposures.
      live: release that the report compares with; None for none.

    Returns:
      The training; metrics `roc_auc`, `pr_auc`, `ne`, `calibration` of the watched head and `SUMMARY`, with their
      `intervals`, are of the holdout windows, and `gbt_...` those of a gradient-boosted tree on the same features. Its
      folder holds the whole `evaluation.json` and `report.html`.

      Exposures of bots (`feature_repo.bots`) are in no part: metric `bot_viewers` counts those, and `bot_train_rows`,
      `bot_validation_rows` and `bot_holdout_rows` the exposures that are left out.

    Raises:
      TrainingError: a part of the split holds no positive exposures.
    """
    from feature_repo.bots import bot_viewers
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import ranking_examples

    lake, knobs = open_lake(settings.lake_path), settings.ranking
    versions = {table: lake.version(table) for table in TABLES}
    holdout_first = windows.shift(window, 1 - knobs.holdout_windows)
    validation_first = windows.shift(holdout_first, -knobs.validation_windows)
    published = [
        w
        for w in lake.windows("exposures", versions["exposures"] if versions["exposures"] >= 0 else None)
        if w < validation_first
    ]
    if not published:
        raise TrainingError(
            f"no exposures before {validation_first} to train on: ingest a longer history, or lower "
            "HOMEFEED_RANKING__VALIDATION_WINDOWS and HOMEFEED_RANKING__HOLDOUT_WINDOWS"
        )
    first, last = published[0], windows.shift(validation_first, -1)
    videos = catalogue(settings, windows.end(window))
    table = video_table(videos)
    bots = bot_viewers(settings, first, window, versions).column("user")
    left_out = {"bot_viewers": len(bots)}

    def people(part: str, begin: str, until: str, sample: float | None) -> pa.Table:
        rows = ranking_examples(settings, begin, until, versions=versions, sample=sample)
        kept = rows.filter(pc.invert(pc.is_in(rows.column("user"), bots)))
        left_out[f"bot_{part}_rows"] = len(rows) - len(kept)
        return kept

    holdout_rows = people("holdout", holdout_first, window, None)
    users = lake.read("users", version=versions["users"] if versions["users"] >= 0 else None)

    def examples(rows: pa.Table) -> Examples:
        return examples_of(rows, table, settings.features.history_length, knobs.history_length)

    train = examples(people("train", first, last, knobs.negative_rate))
    validation = examples(people("validation", validation_first, windows.shift(holdout_first, -1), None))
    return fit(
        settings,
        window,
        trained=(first, last),
        train=train,
        validation=validation,
        holdout=examples(holdout_rows),
        versions=versions,
        left_out=left_out,
        names=names_of(videos, users, holdout_rows),
        live=None if live is None else lambda rows: live_rival(settings, live, holdout_first, rows),
    )


def fit(
    settings: Settings,
    window: str,
    *,
    trained: tuple[str, str],
    train: Examples,
    validation: Examples,
    holdout: Examples,
    versions: Mapping[str, int],
    left_out: Mapping[str, int] | None = None,
    names: Names = NO_NAMES,
    live: Callable[[Examples], Rival] | None = None,
) -> Training:
    """`train_ranking` on examples in memory; `trained` is the first and last window of `train`, `left_out` counts what
    was kept out of the examples, `names` are shown in the report, and `live` predicts the holdout as the live release
    does."""
    knobs = settings.ranking
    for part, name in ((train, "train on"), (validation, "calibrate on")):
        if not len(part) or not 0 < part.labels["watched"].sum() < len(part):
            raise TrainingError(
                f"the exposures to {name} for window {window} are {len(part)}, of which "
                f"{int(part.labels['watched'].sum())} were watched; both kinds are needed: ingest a longer history"
            )
    train = newest(train, knobs.max_train_rows)
    learned = learn(settings, train, validation)
    trainer, calibrators, history, promised = learned.trainer, learned.calibrators, learned.history, learned.promised
    metrics: dict[str, Any] = {
        "epochs": int(np.argmin(history)) + 1,
        "validation_ne": min(history),
        "train_rows": len(train),
        "holdout_rows": len(holdout),
        "holdout_positives": int(holdout.labels["watched"].sum()),
        **(left_out or {}),
    }
    evaluation: dict[str, Any] | None = None
    if len(holdout):
        heads = learned.heads(holdout)
        tree = tree_predictions(settings, train, validation, holdout)
        evaluation = evaluation_of(
            holdout,
            heads,
            seed=settings.seed,
            weights=value_weights(knobs),
            threshold=best_threshold(validation.labels["watched"] > 0, promised["watched"], validation.weight),
            num_groups=settings.monitoring.reliability_bins,
            chosen_share=settings.evaluation.chosen_share,
            names=names,
            rivals=[Rival("tree", "gradient-boosted tree", tree), *([live(holdout)] if live else [])],
        )
        metrics |= _holdout_metrics(holdout, heads, tree, evaluation)
    made_from = (sorted(versions.items()), knobs.model_dump(), settings.seed)
    path, draft = new_draft(settings, KIND, window, made_from)
    trainer.save(draft)
    save_calibrators(draft, calibrators)
    _save_reference(draft, validation, promised, settings.seed)
    training = Training(KIND, path.name, path, window, trained, dict(versions), measured(metrics))
    write_report(settings, training, draft, evaluation, history)
    return publish_training(training, draft)


@dataclass(frozen=True)
class Learned:
    """A ranker and its calibrators.

    Attributes:
      trainer: holds the network.
      calibrators: by target.
      history: normalised entropy on validation by epoch.
      promised: target -> calibrated predictions of validation.
    """

    trainer: Trainer
    calibrators: dict[str, Calibrator]
    history: list[float]
    promised: dict[str, NDArray[np.float32]]

    def heads(self, examples: Examples) -> dict[str, NDArray[np.float32]]:
        """Target -> calibrated predictions [n]."""
        return calibrated(self.trainer.predict(examples), self.calibrators)


def learn(settings: Settings, train: Examples, validation: Examples) -> Learned:
    """Train on `train`; validation chooses the epoch and fits the calibrators. Both hold watched and missed ones."""
    tf.keras.utils.set_random_seed(settings.seed)
    trainer = Trainer(settings, train)
    history = trainer.train(train, validation)
    raw = trainer.predict(validation)
    calibrators = {
        target: calibrate(
            raw[:, column], validation.labels[target], settings.ranking, is_probability=target != "watch_s"
        )
        for column, target in enumerate(TARGETS)
    }
    return Learned(trainer, calibrators, history, calibrated(raw, calibrators))


def newest(examples: Examples, most: int) -> Examples:
    """The last `most` of examples in order of time."""
    return examples.take(slice(max(0, len(examples) - most), None))


def _holdout_metrics(
    holdout: Examples, heads: Mapping[str, NDArray[np.float32]], tree: NDArray[np.float32], evaluation: dict[str, Any]
) -> dict[str, Any]:
    """The metrics that travel with the training, out of `evaluation_of`."""
    labels, weight, measures = holdout.labels, holdout.weight, evaluation["watched"]["measures"]
    promised = {t: calibration(np.nan_to_num(labels[t]), np.where(np.isnan(labels[t]), 0, heads[t])) for t in TARGETS}
    bounds = {
        name: (measures[name]["low"], measures[name]["high"])
        for name in ("roc_auc", "pr_auc", "ne", "calibration", *SUMMARY)
    }
    return {
        **quality(labels["watched"], heads["watched"], weight),
        **{name: measures[name]["estimate"] for name in SUMMARY},
        "threshold": evaluation["threshold"],
        "intervals": {name: None if low is None else [low, high] for name, (low, high) in bounds.items()},
        "calibration_by_head": measured(promised),
        "calibration_by_slice": measured(calibration_by_slice(holdout, heads["watched"])),
        **{f"gbt_{name}": number for name, number in quality(labels["watched"], tree, weight).items()},
    }


def calibration_by_slice(examples: Examples, predictions: NDArray[np.float32]) -> dict[str, float]:
    """Calibration of predicted watches for viewers without and with a history, and for videos younger and older than
    a day."""
    new_viewer = examples.inputs.dense[:, DENSE_FEATURES.index("history_size")] == 0
    fresh = examples.inputs.dense[:, DENSE_FEATURES.index("video_age_h")] < 24
    slices = {"new_viewers": new_viewer, "known_viewers": ~new_viewer, "fresh_videos": fresh, "older_videos": ~fresh}
    return {name: calibration(examples.labels["watched"][rows], predictions[rows]) for name, rows in slices.items()}


def calibrated(raw: NDArray[np.float32], calibrators: Mapping[str, Calibrator]) -> dict[str, NDArray[np.float32]]:
    """Uncalibrated heads [n, len(TARGETS)] -> target -> [n]."""
    return {target: calibrators[target](raw[:, column]) for column, target in enumerate(TARGETS)}


def save_calibrators(folder: Path, calibrators: Mapping[str, Calibrator]) -> None:
    """Write `calibrators.json`."""
    (folder / "calibrators.json").write_text(json.dumps({t: asdict(c) for t, c in calibrators.items()}, indent=2))


def _save_reference(folder: Path, examples: Examples, heads: Mapping[str, NDArray[np.float32]], seed: int) -> None:
    """A sample of the validation exposures with the features the network read and the heads it answered, for drift
    reports."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(examples))[:REFERENCE_ROWS])
    columns = {name: examples.inputs.dense[rows, column] for column, name in enumerate(DENSE_FEATURES)}
    columns |= {f"predicted_{target}": head[rows] for target, head in heads.items()}
    pq.write_table(pa.table(columns | {"watched": examples.labels["watched"][rows]}), folder / REFERENCE_FILE)
