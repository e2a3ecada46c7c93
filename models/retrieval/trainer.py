"""The towers with the loop that trains them and the log that they are trained and measured on."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings
from models.evaluation import recall_at
from models.retrieval.average import Average
from models.retrieval.batches import Log, batches, dynamic
from models.retrieval.frequency import StreamingFrequency
from models.retrieval.model import SavedTowers, TwoTower
from models.retrieval.recall import ranks, two_tower, viewers_at
from models.retrieval.step_size import step_size
from models.retrieval.towers import VideoPreprocessing, age_bucket, encode
from models.retrieval.watches import Watches
from models.vocabulary import Vocabulary, frequent

#: Queries answered in one call.
_BLOCK = 1024


class Towers:
    """A two-tower model with the log that it is trained and measured on.

    Attributes:
      is_cut: True where a deadline ended the training.
    """

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings, self._log, self._num_queries = settings.retrieval, log, settings.index.num_queries
        self._random = np.random.default_rng(settings.seed)
        knobs, table = settings.retrieval, log.table
        self.is_cut = False
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
        optimizer = tf.keras.optimizers.legacy.Adam(knobs.learning_rate)
        self._model.compile(optimizer=optimizer)
        average = Average(self._model, knobs.average_steps)

        # Arrays of one step differ in length (watches, rows, columns), which Keras' own loop refuses.
        @tf.function
        def learn(step: dict[str, Any]) -> None:
            self._model.train_step(step)
            average.update()

        history: list[float] = []
        best: list[NDArray[np.float32]] = []
        self.is_cut, num_steps = False, 0
        while len(history) < knobs.max_epochs and not self.is_cut:
            for step in self._steps(train, frequency, profile_codes):
                optimizer.learning_rate = step_size(knobs, num_steps, len(history))
                learn(step)
                num_steps += 1
                self.is_cut = deadline is not None and time.monotonic() > deadline
                if self.is_cut:
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
        newest = self._log.watches.newest(self._num_queries)
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
