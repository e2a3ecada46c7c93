"""Train the two towers on one range of windows, choose the epoch on the next one, report recall on the newest."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.evaluation import recall_at
from models.profiles import Profiles, profiles_of
from models.retrieval.average import Average
from models.retrieval.batches import Log, batches, dynamic
from models.retrieval.frequency import StreamingFrequency
from models.retrieval.model import SavedTowers, TwoTower
from models.retrieval.recall import popularity, ranks, two_tower, viewers_at
from models.retrieval.towers import VideoPreprocessing, age_bucket, encode
from models.retrieval.watches import COUNT_SPANS, WatchCounts, Watches, watches_of
from models.training import Training, TrainingError, measured, publish_training
from models.video_table import VideoTable, video_table
from models.vocabulary import Vocabulary, frequent

KIND = "retrieval"
TABLES = ("watches", "videos", "users")
#: Queries answered in one call.
_BLOCK = 1024


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
    train = _newest(watches.take(watches.times < split.validation), knobs.max_train_watches)
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


class Towers:
    """A two-tower model with the log that it is trained and measured on."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings, self._log, self._num_queries = settings.retrieval, log, settings.index.num_queries
        self._random = np.random.default_rng(settings.seed)
        knobs, table = settings.retrieval, log.table
        self._countries = Vocabulary(frequent(log.profiles.countries, 1), "countries")
        self._languages = Vocabulary(frequent(log.profiles.languages, 1), "languages")
        self._preprocessing = VideoPreprocessing(table)
        self._codes = {name: value.numpy() for name, value in encode(self._preprocessing, table).items()}
        self._is_exact = len(table) < knobs.exact_softmax_below
        self._model = TwoTower(self._preprocessing, self._countries, self._languages, knobs, self._is_exact)
        self._served = SavedTowers(self._model, self._preprocessing, self._countries, self._languages)

    def train(self, train: Watches, validate: Callable[[], float], deadline: float | None = None) -> list[float]:
        """Fit until validation stops to improve; the model keeps the weights of the best look.

        Args:
          train: the watches that are learned.
          validate: how good the model is as it is now, larger is better; asked after every pass.
          deadline: `time.monotonic()` [s] at which training ends, also in the middle of a pass.

        Returns:
          What `validate` said.
        """
        knobs = self._settings
        frequency = StreamingFrequency(len(self._log.table))
        frequency.update(self._random.permutation(train.videos))
        profile_codes = self._profile_codes(train.users)
        self._model.compile(optimizer=tf.keras.optimizers.legacy.Adam(knobs.learning_rate))
        average = Average(self._model, knobs.average_steps)

        # Arrays of one step differ in length (watches, rows, columns), which Keras' own loop refuses.
        @tf.function
        def learn(step: dict[str, Any]) -> None:
            self._model.train_step(step)
            average.update()

        history: list[float] = []
        best: list[NDArray[np.float32]] = []
        is_late = False
        while len(history) < knobs.max_epochs and not is_late:
            for step in self._steps(train, frequency, profile_codes):
                learn(step)
                is_late = deadline is not None and time.monotonic() > deadline
                if is_late:
                    break
            with average:
                history.append(validate())
                if history[-1] == max(history):
                    best = self._model.get_weights()
            if len(history) - 1 - int(np.argmax(history)) >= knobs.patience:
                break
        self._model.set_weights(best)
        return history

    def _steps(self, train: Watches, frequency: StreamingFrequency, profile_codes: Any) -> Iterator[dict[str, Any]]:
        return batches(
            self._log,
            train,
            codes=self._codes,
            profile_codes=profile_codes,
            frequency=frequency,
            settings=self._settings,
            is_exact=self._is_exact,
            random=self._random,
        )

    def recall(self, wanted: Watches) -> float:
        """Recall@100 of the watches; NaN when there are none. Each query knows the watches before it, each list is
        its window's."""
        if not len(wanted):
            return float("nan")
        return recall_at(
            ranks(self._log, wanted, two_tower(self.queries(wanted.users, wanted.times), self.vectors_before)), 100
        )

    def queries(self, users: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float32]:
        """Query vectors of viewers at times, [q], [q] -> [q, width + 1]."""
        saved = self.served()
        columns = viewers_at(self._log, users, times, self._settings.history_length)
        return np.asarray(answers(saved, columns))

    def vectors_before(self, window: int) -> NDArray[np.float32]:
        """Vectors of the whole catalogue at the start of the window of that number, [v, width + 1]."""
        every = np.arange(len(self._log.table))
        moment = dynamic(self._log, every, np.full(len(every), window * windows.WINDOW_S * 1_000_000))
        return np.asarray(self._model.candidate(self._contents(), moment).numpy())

    def save(self, folder: Any, end: int) -> None:
        """Write the towers' graph, the vectors of the videos uploaded before `end` [microseconds], and sample
        queries."""
        saved = self.served()
        tf.saved_model.save(
            saved, str(folder / "towers"), signatures={"query": saved.query, "candidate": saved.candidate}
        )
        vectors = self.vectors_before(end // (windows.WINDOW_S * 1_000_000))
        exists = self._log.table.uploaded < end
        np.save(folder / "vectors.npy", vectors[exists])
        np.save(folder / "videos.npy", self._log.table.keys[exists])
        newest = _newest(self._log.watches, self._num_queries)
        np.save(folder / "queries.npy", self.queries(newest.users, newest.times))

    def _contents(self) -> Any:
        return self._model.content({name: tf.constant(value) for name, value in self._codes.items()})

    def served(self) -> SavedTowers:
        """The towers as they are served, with the weights of now."""
        nothing = tf.zeros([2, self._settings.embedding_dim])
        self._served.contents.assign(tf.concat([nothing, self._contents()], axis=0))
        return self._served

    def _profile_codes(
        self, users: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        country, language, age = self._log.profiles.of(users)
        return self._countries(country).numpy(), self._languages(language).numpy(), age_bucket(age).numpy()


def answers(saved: SavedTowers, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Query vectors of the viewers in `columns` of `SavedTowers.query`, [q, width + 1], in blocks."""
    num = len(columns["age"])
    blocks = [
        saved.query({name: tf.constant(column[first : first + _BLOCK]) for name, column in columns.items()}).numpy()
        for first in range(0, num, _BLOCK)
    ]
    return np.concatenate(blocks) if blocks else np.zeros((0, saved.contents.shape[1] + 1), np.float32)


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


def _newest(watches: Watches, most: int) -> Watches:
    """The newest `most` watches, still in order of user and time."""
    return watches.take(np.sort(np.argsort(-watches.times, kind="stable")[:most]))


def _sample(watches: Watches, begin: int, until: int, most: int) -> Watches:
    """The newest `most` watches of [begin, until)."""
    return _newest(watches.take((watches.times >= begin) & (watches.times < until)), most)
