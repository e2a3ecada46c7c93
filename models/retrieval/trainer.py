"""The towers with the loop that trains them and the log that they are trained and measured on."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings
from models.checkpoint import restore_checkpoint, save_checkpoint
from models.evaluation import recall_at
from models.graph import graph
from models.optimizer import LazyAdam
from models.progress import Progress
from models.retrieval.ahead import one_ahead
from models.retrieval.average import Average
from models.retrieval.batches import Log, batches, dynamic
from models.retrieval.content import VideoPreprocessing, encode
from models.retrieval.frequency import FILE as FREQUENCY_FILE
from models.retrieval.frequency import StreamingFrequency
from models.retrieval.model import SavedTowers, TwoTower
from models.retrieval.moment import is_new
from models.retrieval.notes import Notes
from models.retrieval.recall import ranks, two_tower, viewers_at
from models.retrieval.step_size import step_size
from models.retrieval.towers import age_bucket
from models.retrieval.train_set import TrainSet
from models.retrieval.vocabularies import load_vocabularies, vocabularies_of
from models.retrieval.watches import Watches
from models.trainers.group import Group
from models.vocabulary import Vocabulary

#: Queries answered in one call.
_BLOCK = 1024


@dataclass(frozen=True)
class Passes:
    """What each pass over the training watches came to.

    Attributes:
      losses: mean training loss of its watches [nats]; NaN when none of them weighed anything.
      validations: what validation said after it; one more, of before the first pass, in a training that goes on from
        another.
    """

    losses: list[float] = field(default_factory=list)
    validations: list[float] = field(default_factory=list)


class Towers:
    """A two-tower model with the log that it is trained and measured on.

    Attributes:
      is_cut: True where a deadline ended the training.
    """

    def __init__(
        self,
        settings: Settings,
        log: Log,
        train: TrainSet,
        *,
        newest: TrainSet | None = None,
        start: Path | None = None,
        group: Group | None = None,
    ) -> None:
        """A model before it learns.

        Args:
          settings: `settings.retrieval` shapes it.
          log: what queries and popularity are read from.
          train: what will be learned.
          newest: what is learned after that, in small steps; as tastes move, the newest watches count most.
          start: folder of the training from which this one goes on; `train` is then learned in small steps.
          group: trainers that learn it together, from the same watches; None is this one alone.
        """
        self._settings, self._log, self._num_queries = settings.retrieval, log, settings.index.num_queries
        self._random, self._group = np.random.default_rng(settings.seed), group or Group()
        self._is_warm = start is not None
        small = settings.retrieval.model_copy(
            update={
                "max_epochs": settings.retrieval.incremental_epochs,
                "learning_rate": settings.retrieval.incremental_learning_rate,
                "warmup_steps": 0,
                "decay_epochs": 0,
            }
        )
        self._stages = [(train, small if self._is_warm else settings.retrieval)]
        self._stages += [(newest, small)] if newest is not None and newest.weight.any() else []
        knobs, table = settings.retrieval, log.table
        self.is_cut = False
        self._known = vocabularies_of(table, log.profiles, train.watches.videos)
        self.num_new_videos = len(self._known.videos)
        if start is not None:
            before = load_vocabularies(start)
            self._known = before.grown(self._known)
            self.num_new_videos = len(self._known.videos) - len(before.videos)
        self._countries = Vocabulary(self._known.countries, "countries")
        self._languages = Vocabulary(self._known.languages, "languages")
        self._preprocessing = VideoPreprocessing(self._known)
        self._codes = {name: value.numpy() for name, value in encode(self._preprocessing, table).items()}
        self._frequency = None if len(table) < knobs.exact_softmax_below else self._frequency_of(train, start)
        is_exact = self._frequency is None
        self._model = TwoTower(self._preprocessing, self._countries, self._languages, knobs, is_exact, self._group)
        self._served = SavedTowers(
            self._model, self._preprocessing, Vocabulary(table.keys, "catalogue"), self._countries, self._languages
        )
        self._average = Average(self._model, knobs.average_steps)
        self._model.compile(optimizer=LazyAdam(knobs.learning_rate))
        if start is not None:
            self._build()
            restore_checkpoint(start, self._model, self._model.optimizer)

    def train(
        self, validate: Callable[[], float] | None, deadline: float | None = None, progress: Progress | None = None
    ) -> Passes:
        """Fit until validation stops to improve; the model keeps the weights of the best look.

        Args:
          validate: how good the model is as it is now, larger is better; asked after every pass, and before the first
            one of a training that goes on from another, so that no hour makes the model worse. None on a worker, which
            the chief tells.
          deadline: `time.monotonic()` [s] at which training ends, also in the middle of a pass; of one trainer alone.
          progress: notes to go on from and to write, which only the chief does.

        Returns:
          The loss of every pass and what `validate` said after it.

        Raises:
          TrainersError: the weights of the trainers are not the same.
        """
        notes = Notes(self._model, self._average, self._frequency, self._random, progress)
        place, best = notes.load(self._build)
        if self._is_warm and not place.validations:
            place.validations.append(self._told(validate))
            best = self._model.get_weights()
        self._check_same("before the first step")
        self.is_cut = False
        for stage in range(place.stage, len(self._stages)):
            if stage > place.stage:
                place.begin(stage)
            if not place.stage_steps:
                self._average.restart()
            train, knobs = self._stages[stage]
            while place.epoch < knobs.max_epochs and place.since_best < knobs.patience and not self.is_cut:
                notes.begin_pass(place)
                for number, step in enumerate(self.steps(train)):
                    if number < place.steps:
                        continue
                    self._model.optimizer.learning_rate = step_size(knobs, place.stage_steps, place.epoch)
                    place.step(float(self.learn(step)), float(step["weight"].sum()))
                    if place.taken == 1:
                        # The first step of a training that starts anew makes its weights.
                        self._check_same("after the first step")
                    if validate is not None:
                        notes.write_due(place, best)
                    self.is_cut = deadline is not None and time.monotonic() > deadline
                    if self.is_cut:
                        break
                place.end_pass()
                self._check_same(f"after pass {len(place.losses)}")
                with self._average:
                    history = place.validations
                    history.append(self._told(validate))
                    place.since_best = 0 if history[-1] > max(history[:-1], default=-math.inf) else place.since_best + 1
                    if history[-1] == max(history):
                        best = self._model.get_weights()
                if validate is not None:
                    notes.write(place, best)
            self._model.set_weights(best)
        return Passes(place.losses, place.validations)

    def _told(self, validate: Callable[[], float] | None) -> float:
        """What the chief's `validate` says."""
        return self._group.told(float("nan") if validate is None else validate())[0]

    def _check_same(self, when: str) -> None:
        self._group.check_same(self._model.trainable_variables, when)

    def steps(self, train: TrainSet) -> Iterator[dict[str, Any]]:
        """One pass over what is learned."""
        return one_ahead(
            batches(
                self._log,
                train,
                codes=self._codes,
                profile_codes=self._profile_codes(train.watches.users),
                frequency=self._frequency,
                settings=self._settings,
                random=self._random,
                own=self._group.own,
            )
        )

    # Arrays of one step differ in length (watches, rows, columns), which Keras' own loop refuses.
    @graph
    def learn(self, step: dict[str, Any]) -> Any:
        """Take one step, together with the other trainers; its mean loss.

        Source: Loshchilov and Hutter 2019 (weights decay beside Adam's step rather than in its slope).
        """
        with tf.GradientTape() as tape:
            part = self._model.compute_loss(step, training=True)
        weights = self._model.trainable_variables
        loss, slopes = self._group.total(part, tape.gradient(part, weights))
        self._model.optimizer.apply_gradients(zip(slopes, weights, strict=True))
        if self._settings.weight_decay:
            fade = self._settings.weight_decay * self._model.optimizer.learning_rate
            for weight in weights:
                if weight.shape.rank > 1:
                    weight.assign_sub(fade * weight)
        self._average.update()
        return loss

    def _frequency_of(self, train: TrainSet, start: Path | None) -> StreamingFrequency:
        """That of the training before, or of one pass over the watches."""
        if start is not None and (start / FREQUENCY_FILE).exists():
            return StreamingFrequency.load(start)
        frequency = StreamingFrequency(self._settings.frequency_buckets, self._settings.frequency_memory)
        frequency.update(self._random.permutation(self._log.table.keys[train.watches.videos]))
        return frequency

    @property
    def frequency_collision_rate(self) -> float:
        """`StreamingFrequency.collision_rate` of the catalogue; NaN where the loss needs no frequencies."""
        return float("nan") if self._frequency is None else self._frequency.collision_rate(self._log.table.keys)

    def _build(self) -> None:
        """Make every weight, which Keras does when a layer is first called."""
        self.vectors_before(0)
        self.queries(np.zeros(1, np.int64), np.zeros(1, np.int64))

    def recall(self, wanted: Watches) -> float:
        """Recall@100 of the watches; NaN when there are none."""
        return recall_at(self.ranks(wanted), 100)

    def ranks(self, wanted: Watches) -> NDArray[np.float64]:
        """Rank of each watch [n], as `recall.ranks` has it. Each query knows the watches before it, each list is its
        window's."""
        return ranks(self._log, wanted, two_tower(self.queries(wanted.users, wanted.times), self.vectors_before))

    def queries(self, users: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float32]:
        """Query vectors of viewers at times, [q], [q] -> [q, width + 1]."""
        saved = self.served()
        columns = viewers_at(self._log, users, times, self._settings.history_length)
        return np.asarray(answers(saved, columns))

    def vectors_before(self, window: int) -> NDArray[np.float32]:
        """Vectors of the whole catalogue at the start of the window of that number, [v, width + 1]."""
        every = np.arange(len(self._log.table))
        moment = dynamic(self._log, every, np.full(len(every), window * windows.WINDOW_S * 1_000_000))
        return np.asarray(self._model.candidate(self._contents(is_new(moment)), moment).numpy())

    def save(self, folder: Any, end: int) -> None:
        """Write the towers' graph, the vectors of the videos uploaded before `end` [microseconds], sample queries, and
        what the next training goes on from."""
        saved = self.served()
        saved.save(folder / "towers")
        vectors = self.vectors_before(end // (windows.WINDOW_S * 1_000_000))
        exists = self._log.table.uploaded < end
        np.save(folder / "vectors.npy", vectors[exists])
        np.save(folder / "videos.npy", self._log.table.keys[exists])
        newest = self._log.watches.newest(self._num_queries)
        np.save(folder / "queries.npy", self.queries(newest.users, newest.times))
        self._known.save(folder)
        save_checkpoint(folder, self._model, self._model.optimizer)
        if self._frequency is not None:
            self._frequency.save(folder)

    def _contents(self, hidden: Any = None) -> Any:
        return self._model.content({name: tf.constant(value) for name, value in self._codes.items()}, hidden)

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
