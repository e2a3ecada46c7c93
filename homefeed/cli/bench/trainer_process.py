"""A trainer of `homefeed bench trainers` as a process of its own, on one core, told by a pipe what to learn."""

import os
import resource
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.trainers.job import Job

#: Exposures of the reference network's log that are learned, and others; exposures of the platform's.
NUM, NUM_UNSEEN, NUM_MADE = 500_000, 100_000, 100_000


@dataclass(frozen=True)
class Told:
    """What a trainer is.

    Attributes:
      network: `platform`, `reference` or `towers`.
      batch: exposures of a step of this trainer; watches of the towers.
      rank: of this one.
      addresses: of all; one learns alone.
      core: the only one that it runs on.
      log: file of the reference network's log.
      owned_rows: as the setting of that name.
    """

    network: str
    batch: int
    rank: int
    addresses: tuple[str, ...]
    core: int
    log: Path
    owned_rows: int


def run(settings: Settings, told: Told, pipe: Connection) -> None:
    """Answer `(name, argument)` from the pipe by what the learner has of that name, until it is closed."""
    os.sched_setaffinity(0, {told.core})
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    from models.trainers.cluster import connect
    from models.trainers.group import Group

    group = Group()
    if len(told.addresses) > 1:
        kind = "retrieval" if told.network == "towers" else "ranking"
        job = Job("bench", kind, told.addresses, "", {}, "", 0, {"owned_rows": told.owned_rows})
        group = connect(settings, job, told.rank)
    learner: Any
    if told.network == "towers":
        from homefeed.cli.bench.towers_learner import TowersLearner

        learner = TowersLearner(settings, told.batch, group)
    else:
        learner = Learner(settings, told, group)
    pipe.send("ready")
    while True:
        try:
            name, argument = pipe.recv()
        except EOFError:
            return
        pipe.send(getattr(learner, name)(argument))


class Learner:
    """Steps on one of the two rankers."""

    def __init__(self, settings: Settings, told: Told, group: Any) -> None:
        import tensorflow as tf

        tf.keras.utils.set_random_seed(settings.seed)
        self._told, self._group = told, group
        self._size = told.batch * group.num
        self._random = np.random.default_rng(settings.seed)
        self._unseen: dict[str, NDArray[Any]] = {}
        if told.network == "reference":
            self._reference(settings)
        else:
            self._platform(settings)

    def train(self, steps: int) -> tuple[float, float]:
        """Seconds and processor seconds of so many steps."""
        order = self._order(steps)
        began, busy = time.perf_counter(), time.process_time()
        self._steps(order)
        return time.perf_counter() - began, time.process_time() - busy

    def learned(self, parts: int) -> tuple[float, list[float]]:
        """One pass: normalised entropy on unseen exposures, and the mean loss of each of so many parts of it."""
        from homefeed.cli.bench.train_ranking import entropy

        order = self._order(self._num // self._size)
        losses = [float(self._steps(part)) for part in np.array_split(order, parts)]
        if self._told.owned_rows:
            # Nobody has the tables.
            return float("nan"), losses
        self._group.check_same(self._model.trainable_variables, "after the pass")
        return entropy(self._model, self._unseen), losses

    def peak_mib(self, _: int) -> float:
        """Most resident memory of this process so far [MiB]."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def _order(self, steps: int) -> NDArray[np.int64]:
        rows = [self._random.permutation(self._num) for _ in range(-(-steps * self._size // self._num))]
        order = np.concatenate(rows)[: steps * self._size].reshape(steps, self._size)
        return self._group.share(order)  # type: ignore[no-any-return]

    def _reference(self, settings: Settings) -> None:
        from homefeed.cli.bench.reference_ranker import ReferenceRanker
        from models.optimizer import LazyAdam
        from models.steps import Steps
        from models.trainers.owners import Owners

        with np.load(self._told.log) as made:
            log = {name: made[name] for name in made.files}
        seen = {name: column[:NUM] for name, column in log.items()}
        self._unseen = {name: column[NUM:] for name, column in log.items()}
        self._num, self._model = NUM, ReferenceRanker(reads_rows_once=True, group=self._group)
        # Any codes make the weights; those of a divided table would be places.
        self._model({name: np.zeros_like(column[:2]) for name, column in seen.items()})
        self._steps = Steps(
            lambda batch: self._model.compute_loss(batch[0]),
            self._model.trainable_variables,
            LazyAdam(settings.ranking.learning_rate),
            (seen,),
            group=self._group,
            owners=Owners(self._group, {self._model.user: ["user"], self._model.video: ["video", "history"]}),
        )

    def _platform(self, settings: Settings) -> None:
        import tensorflow as tf

        from homefeed.cli.bench.made_exposures import made_exposures
        from models.ranking.trainer import Trainer

        made = made_exposures(NUM_MADE, settings.seed)
        trainer = Trainer(settings, made, group=self._group)
        means = [tf.Variable(weight, trainable=False) for weight in trainer.weights()]
        self._num, self._steps = len(made), trainer.steps(made, 10_000, means)
