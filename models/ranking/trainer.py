"""The network with the loop that trains it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import TARGETS
from homefeed.settings import Settings
from models.checkpoint import FILE as CHECKPOINT
from models.checkpoint import restore_checkpoint, set_weights, state_of, write_arrays
from models.evaluation import normalised_entropy
from models.graph import graph
from models.optimizer import LazyAdam
from models.progress import Progress
from models.ranking.after_step import AfterStep
from models.ranking.examples import Examples, Inputs
from models.ranking.network import Ranker
from models.ranking.notes import Notes
from models.ranking.preprocessing import Preprocessing
from models.ranking.saved_ranker import SavedRanker, tensors
from models.ranking.statistics import load_statistics, statistics_of
from models.steps import Steps
from models.trainers.group import Group
from models.trainers.owners import Owners

#: Exposures scored in one call.
_BLOCK = 8192


class Trainer:
    """A network with the loop that trains it."""

    def __init__(
        self, settings: Settings, train: Examples, start: Path | None = None, group: Group | None = None
    ) -> None:
        """A network before it learns.

        Args:
          settings: `settings.ranking` shapes it.
          train: what will be learned.
          start: folder of the training that this one goes on from; None to start anew.
          group: trainers that learn it together; None is this one alone.
        """
        self._settings, self._start = settings.ranking, start
        self._seed, self._group = settings.seed, group or Group()
        self._random = np.random.default_rng(settings.seed)
        if start is None:
            watched = train.labels["watched"] > 0
            mean_watch_s = max(1.0, float(train.labels["watch_s"][watched].mean()))
            self._statistics, known = statistics_of(train.inputs, mean_watch_s, int(watched.sum())), 0
        else:
            before = load_statistics(start)
            self._statistics, known = before.grown(train.inputs), len(before.videos)
        self.num_new_videos = len(self._statistics.videos) - known
        self._preprocessing = Preprocessing(self._statistics)
        # Any codes make the weights; those of a divided table would be places.
        self._no_codes = {name: tf.zeros_like(code) for name, code in self._encode(train.take(slice(0, 2))).items()}
        self._moments: Path | None = None
        self._make(self._group)
        if start is not None:
            restore_checkpoint(start, self._network, self._optimizer, self._owners.parts(self._weights))

    def _make(self, group: Group) -> None:
        """A new network, whose large tables a group may divide."""
        mean_watch_s, knobs = self._statistics.mean_watch_s, self._settings
        self._network = Ranker(self._preprocessing, mean_watch_s, knobs, group)
        self._saved = SavedRanker(self._network, self._preprocessing, knobs.negative_rate, mean_watch_s)
        self._rate = tf.Variable(0.0, trainable=False)
        self._optimizer = LazyAdam(self._rate)
        self._network(self._no_codes)
        self._weights = self._network.trainable_variables
        self._owners = Owners(group, {self._network.video: ["video"], self._network.channel: ["channel"]})

    def train(self, train: Examples, validation: Examples | None, progress: Progress | None = None) -> list[float]:
        """Fit; the network keeps the running mean of its weights after the epoch in which that had the least
        normalised entropy on validation. Returns that entropy by epoch, and before them that of the weights which a
        training goes on from, so that no hour makes the model worse there.

        Args:
          train: exposures, the same on every trainer of the group; each learns its part of every batch.
          validation: None on a worker, which keeps nothing but its rows of divided tables.
          progress: notes to go on from and to write, which only the chief does; where tables are divided, also the
            folder in which it puts them together.

        Raises:
          TrainersError: the weights of the trainers are not the same.
          ValueError: tables are divided, and there is no `progress`.
        """
        if self._owners and not progress:
            raise ValueError("divided tables are put together in the folder of the notes: give `progress`")
        if self._owners and validation is None:
            # What the chief looks at reads rows of this trainer too.
            validation = train.take(slice(0, 0))
        knobs, num = self._settings, len(train)
        size = max(1, min(knobs.batch_size, num // knobs.min_steps))
        size = max(self._group.num, size - size % self._group.num)
        steps = num // size
        epochs = max(knobs.max_epochs, -(-knobs.min_training_steps // steps))
        if self._start is not None:
            epochs = knobs.incremental_epochs
        means = [tf.Variable(w, trainable=False) for w in self._weights]
        notes = Notes(self._group, self._owners, self._weights, means, self._optimizer, self._rate, progress)
        place = notes.place
        learn = self.steps(train, steps * epochs, means, place.passes * steps + place.steps)
        unseen = {} if validation is None else self._encode(validation)
        best = notes.restore()
        if best is None and self._start is not None and validation is not None:
            place.history.append(self._ne(validation, unseen))
            best = self.weights()
        best = best or []
        every = (progress.every if progress else 0) or steps
        self._check_same("before the first step")
        for epoch in range(place.passes, epochs):
            if place.steps:
                self._random.bit_generator.state = place.random
            place.random = dict(self._random.bit_generator.state)
            order = self._random.permutation(num)[: steps * size].reshape(steps, size)
            while place.steps < steps:
                until = min(steps, place.steps + every)
                learn(self._group.share(order[place.steps : until]))
                place.steps = until
                if progress and validation is not None and until < steps:
                    notes.write(epoch * steps + until, best)
            place.passes, place.steps = epoch + 1, 0
            self._check_same(f"after pass {epoch + 1}")
            if validation is not None:
                best = self._look(validation, unseen, means, place.history) or best
        if best:
            _assign(self._weights, best)
        self._moments = notes.put_together() if self._owners else None
        del learn, means, best, notes
        self._make_whole()
        return place.history

    def _look(
        self, validation: Examples, codes: dict[str, Any], means: list[Any], history: list[float]
    ) -> list[NDArray[np.float32]]:
        """Add to `history` what validation says of the running means; these, if it never said better."""
        latest = self.weights()
        _assign(self._weights, [m.numpy() for m in means])
        history.append(self._ne(validation, codes))
        best = self.weights() if history[-1] == min(history) else []
        _assign(self._weights, latest)
        return best

    def _ne(self, examples: Examples, codes: dict[str, Any]) -> float:
        found = normalised_entropy(examples.labels["watched"] > 0, self._watched(codes))
        return self._owners.told(found)

    def _check_same(self, when: str) -> None:
        """Compare what every trainer holds."""
        divided = self._owners.parts(self._weights)
        self._group.check_same([w for place, w in enumerate(self._weights) if place not in divided], when)

    def _make_whole(self) -> None:
        """Where tables were put together, a network with these; its moments, which only the next training needs, stay
        on disk."""
        if self._moments is None:
            return
        self._make(Group())
        with np.load(self._moments, allow_pickle=False) as saved:
            set_weights(self._weights, saved)

    def steps(self, train: Examples, total: int, means: list[Any], taken: int = 0) -> Steps:
        """`total` steps of learning from exposures, of which some were taken before; the running mean of the weights
        goes to `means`."""
        knobs = self._settings
        undecayed = {w.ref() for layer in self._network.undecayed for w in layer.trainable_variables}
        settle = AfterStep(
            self._weights,
            [w for w in self._weights if w.shape.rank > 1 and w.ref() not in undecayed],
            means,
            self._rate,
            peak=knobs.incremental_learning_rate if self._start is not None else knobs.learning_rate,
            total=total,
            taken=taken,
            # An hour has few positives, but its weights were learned from those of a day: theirs count.
            num_positives=self._statistics.num_watched,
        )
        # Trainers draw what they hide of their own exposures.
        self._network.draws.assign([self._seed + self._group.rank, taken])

        def after() -> None:
            settle()
            self._network.draws.assign_add([0, 1])

        def loss(columns: Any) -> Any:
            return self._network.compute_loss(columns, training=True)

        return Steps(
            loss,
            self._weights,
            self._optimizer,
            (self._encode(train), tensors(train.labels), tf.constant(train.weight)),
            after,
            self._group,
            self._owners,
        )

    def entropy(self, examples: Examples) -> float:
        """Normalised entropy of the watched head, uncalibrated, each exposure counted `weight` times; NaN where there
        is only one kind of them."""
        said = self._watched(self._encode(examples))
        if not len(examples):
            return float("nan")
        return normalised_entropy(examples.labels["watched"] > 0, said, examples.weight)

    def weights(self) -> list[NDArray[np.float32]]:
        """A copy of every weight, of divided tables this trainer's rows."""
        return [w.numpy() for w in self._weights]

    def restart(self) -> None:
        """Put back the weights that the training went on from."""
        if self._start is not None:
            with np.load(self._start / CHECKPOINT, allow_pickle=False) as saved:
                set_weights(self._weights, saved)

    def _watched(self, codes: dict[str, Any]) -> NDArray[np.float32]:
        """The watched head of encoded exposures, [n], uncalibrated."""
        return self._heads(codes)[:, TARGETS.index("watched")]

    def _heads(self, codes: dict[str, Any]) -> NDArray[np.float32]:
        num, (codes, rows) = len(codes["video"]), self._owners.look(codes)
        parts = [{name: code[at : at + _BLOCK] for name, code in codes.items()} for at in range(0, num, _BLOCK)]
        blocks = [self._of_codes(part, rows) for part in parts]
        return np.concatenate([b.numpy() for b in blocks]) if blocks else np.zeros((0, len(TARGETS)), np.float32)

    @graph(reduce_retracing=True)
    def _of_codes(self, codes: dict[str, Any], rows: list[Any]) -> Any:
        with self._owners.reading(rows):
            return self._saved.heads(self._network(codes))

    def predict(self, examples: Examples) -> NDArray[np.float32]:
        """Uncalibrated heads, [n, len(TARGETS)]."""
        return self._heads(self._encode(examples)) if len(examples) else np.zeros((0, len(TARGETS)), np.float32)

    def watched(self, inputs: Inputs) -> NDArray[np.float32]:
        """Uncalibrated probabilities of a watch, [n], by the graph that is served; viewer columns may have one row."""
        return np.asarray(self._saved.score(tensors(inputs.columns())).numpy()[:, TARGETS.index("watched")])

    def save(self, folder: Path) -> None:
        """Write the graph, and what the next training goes on from."""
        self._saved.save(folder / "ranker")
        self._statistics.save(folder)
        write_arrays(folder / CHECKPOINT, self._state())

    def _state(self) -> Iterator[tuple[str, Any]]:
        if self._moments is None:
            yield from state_of(self._weights, self._optimizer)
            return
        with np.load(self._moments, allow_pickle=False) as saved:
            for name in saved.files:
                kind, _, place = name.rpartition("_")
                yield name, self._weights[int(place)].numpy() if kind == "weight" else saved[name]

    def _encode(self, examples: Examples) -> dict[str, Any]:
        """Codes of every example, made once: hashing the same keys in each epoch would cost as much as learning from
        them."""
        columns = examples.inputs.columns()
        blocks = [
            self._preprocessing(tensors({n: c[first : first + _BLOCK] for n, c in columns.items()}))
            for first in range(0, max(1, len(examples)), _BLOCK)
        ]
        return {name: tf.concat([block[name] for block in blocks], axis=0) for name in blocks[0]}


def _assign(variables: list[Any], values: list[NDArray[np.float32]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
