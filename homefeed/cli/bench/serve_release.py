"""A release made for `homefeed bench serve`: the production towers and ranker with vocabularies of the whole catalogue.

Their weights are as a training finds them before its first step (those that begin as zeros are drawn as well), the
spread of the features and the calibrators are fitted to made exposures: a page costs what a trained release's costs.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import windows
from homefeed.cli.bench.serve_site import Viewers
from homefeed.features import TARGETS, aggregate_columns
from homefeed.settings import Settings
from models.training import Training

_EXPOSURES = 30_000
#: Queries that measure the index at its build: enough to see that it finds something.
_QUERIES = 20
_DEVICES = ("phone", "tablet", "desktop", "tv", "other")


@dataclass(frozen=True)
class Release:
    """A made release: its id in the registry and the store, and the settings it was built with."""

    id: str
    settings: Settings


def made_releases(settings: Settings, snapshot: pa.Table, viewers: Viewers, window: str) -> list[Release]:
    """Two releases of the same two trainings in the model store: one to serve, one to swap in."""
    from models.bundle.build import build_bundle

    random = np.random.default_rng(settings.seed)
    small = settings.model_copy(
        update={
            "index": settings.index.model_copy(update={"num_queries": _QUERIES}),
            "retrieval": settings.retrieval.model_copy(update={"max_epochs": 1, "exact_softmax_below": 0}),
        }
    )
    retrieval = _retrieval(small, snapshot, viewers, window)
    ranking = _ranking(small, snapshot, viewers, window, random)
    other = small.model_copy(update={"seed": small.seed + 1})
    return [Release(build_bundle(own, retrieval, ranking), own) for own in (small, other)]


def _retrieval(settings: Settings, snapshot: pa.Table, viewers: Viewers, window: str) -> Path:
    from models.history import string_keys
    from models.profiles import Profiles
    from models.retrieval.batches import Log
    from models.retrieval.train_set import all_watches
    from models.retrieval.trainer import Towers
    from models.retrieval.watches import WatchCounts, watches_of
    from models.video_table import video_table

    table, state = video_table(snapshot), viewers.state
    length = state.column("history_videos").combine_chunks().value_lengths()[0].as_py()
    lists = {name: state.column(name).combine_chunks().flatten() for name in _HISTORY}
    sequences = pa.table(
        {
            "user": np.repeat(state.column("user").to_numpy(), length),
            "video": lists["history_videos"],
            "time": lists["history_times"].cast(pa.timestamp("us", "UTC")),
            "fraction": lists["history_fractions"],
        }
    )
    order = np.argsort(state.column("user").to_numpy())
    people = Profiles(
        state.column("user").to_numpy()[order],
        string_keys(state.column("country"))[order],
        string_keys(state.column("language"))[order],
        state.column("age").to_numpy().astype(np.int32)[order],
    )
    watches = watches_of(sequences, table)
    end = round(windows.end(window).timestamp() * 1e6)
    log = Log(table, watches, people, WatchCounts(watches))
    towers = Towers(settings, log, all_watches(watches, end, settings.retrieval))
    towers.train(lambda: 0.0)
    return _published(settings, "retrieval", window, lambda draft: towers.save(draft, end))


_HISTORY = ("history_videos", "history_times", "history_fractions")


def _ranking(
    settings: Settings, snapshot: pa.Table, viewers: Viewers, window: str, random: np.random.Generator
) -> Path:
    import tensorflow as tf

    from models.ranking.calibrated import save_calibrators
    from models.ranking.calibration import calibrate, calibrated
    from models.ranking.examples import examples_of
    from models.ranking.network import Ranker
    from models.ranking.preprocessing import Preprocessing
    from models.ranking.reference import save_reference
    from models.ranking.saved_ranker import SavedRanker, tensors
    from models.ranking.statistics import statistics_of
    from models.video_table import video_table

    table = video_table(snapshot)
    rows = _exposures(snapshot, viewers, window, random)
    made = examples_of(rows, table, settings.features.history_length, settings.ranking.history_length)
    statistics = replace(
        statistics_of(made.inputs, 100.0, _EXPOSURES // 50),
        videos=table.keys,
        channels=np.unique(table.channels),
    )
    tf.keras.utils.set_random_seed(settings.seed)
    preprocessing = Preprocessing(statistics)
    network = Ranker(preprocessing, 100.0, settings.ranking)
    saved = SavedRanker(network, preprocessing, settings.ranking.negative_rate, 100.0)
    columns = made.inputs.columns()
    network(preprocessing(tensors({name: column[:2] for name, column in columns.items()})))
    for weight in network.trainable_variables:
        if weight.shape.rank > 1 and not np.any(weight.numpy()):
            weight.assign(tf.random.normal(weight.shape, stddev=0.02))
    raw = saved.score(tensors(columns)).numpy()
    calibrators = {
        target: calibrate(
            raw[:, place],
            (random.random(len(raw)) < raw[:, place] / 20).astype(np.float32)
            if target != "watch_s"
            # Scattered, as watch time is: of labels without chance every exposure would be a corner of the curve.
            else raw[:, place] / 20 * random.standard_exponential(len(raw)).astype(np.float32),
            settings.ranking.model_copy(update={"isotonic_positives": 50}),
            is_probability=target != "watch_s",
        )
        for place, target in enumerate(TARGETS)
    }

    def fill(draft: Path) -> None:
        saved.save(draft / "ranker")
        save_calibrators(draft, calibrators)
        save_reference(draft, made, calibrated(raw, calibrators), settings.seed)

    return _published(settings, "ranking", window, fill)


def _exposures(snapshot: pa.Table, viewers: Viewers, window: str, random: np.random.Generator) -> pa.Table:
    """Rows as `feature_repo.training_set.ranking_examples` gives them: random viewers and videos."""
    viewer = random.integers(0, len(viewers.ids), _EXPOSURES)
    video = random.integers(0, len(snapshot), _EXPOSURES)
    people, sums, shown = viewers.state.take(viewer), viewers.aggregates.take(viewer), snapshot.take(video)
    columns: dict[str, Any] = {name: people.column(name) for name in people.column_names if name != "event_timestamp"}
    columns |= {name: sums.column(name) for name in aggregate_columns("user")}
    columns |= {name: shown.column(name) for e in ("video", "channel", "topic") for name in aggregate_columns(e)}
    watched = random.random(_EXPOSURES) < 0.02
    labels: dict[str, NDArray[np.float32]] = {target: np.zeros(_EXPOSURES, np.float32) for target in TARGETS}
    labels |= {"watched": watched.astype(np.float32), "watch_s": np.where(watched, 100, 0).astype(np.float32)}
    return pa.table(
        columns
        | labels
        | {
            "video": shown.column("video"),
            "time": pa.array([windows.end(window)] * _EXPOSURES, pa.timestamp("us", "UTC")),
            "device": pa.array(_DEVICES).take(pa.array(random.integers(0, len(_DEVICES), _EXPOSURES))),
            "slot": random.integers(0, 100, _EXPOSURES),
            "weight": np.ones(_EXPOSURES, np.float32),
            "request_id": pa.array([""] * _EXPOSURES),
            "source": pa.array(["two_tower"] * _EXPOSURES),
            "propensity": np.ones(_EXPOSURES, np.float32),
        }
    )


def _published(settings: Settings, kind: str, window: str, fill: Any) -> Path:
    from models.training import new_draft, publish_training

    path, draft = new_draft(settings, kind, window, "made")
    fill(draft)
    training = Training(kind, path.name, path, window, (window, window), {}, {})
    return publish_training(training, draft).path
