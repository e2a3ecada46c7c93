"""`homefeed bench train-ranking`: exposures per second of the platform's training steps and of plain `fit`.

Both learn the reference network on the same log in batches of the same size, in one run and in turns. The platform's
own network is trained beside them, on made-up exposures of its shape.
"""

import functools
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.cli.bench.train_retrieval import Deadline, rounds
from homefeed.settings import Settings

MEANING = {
    "exposures": "Exposures of the log.",
    "batch": "Exposures of one step on the reference network.",
    "distinct_videos": "Videos that one of these steps reads, by 21 times as many lookups.",
    "examples_per_s": "Exposures a second by the platform's steps on the reference network, products in bfloat16 where "
    "the processor multiplies it; best of the rounds.",
    "float32_examples_per_s": "The same with all products in float32.",
    "plain_examples_per_s": "The same by `tfrs.tasks.Ranking` and `fit` with Adam, in float32.",
    "times_plain": "The first divided by that.",
    "float32_times_plain": "The second divided by it.",
    "adagrad_examples_per_s": "Plain with Adagrad, which touches only the rows of a step, and with batches gathered "
    "whole by `tf.data`.",
    "times_adagrad": "The first divided by that.",
    "step_ms": "One step of the first.",
    "step_cpu_ms": "Processor time of it, on all cores; least of the rounds.",
    "products_ms": "The matrix products of that step alone.",
    "float32_step_ms": "One step of the second.",
    "float32_step_cpu_ms": "Processor time of it.",
    "float32_products_ms": "The matrix products of that step alone.",
    "plain_step_cpu_ms": "Processor time of a step of plain.",
    "adagrad_step_cpu_ms": "The same with Adagrad.",
    "ne": "Normalised entropy of the first on exposures it never saw, after one pass.",
    "float32_ne": "The same of the second.",
    "plain_ne": "The same of plain.",
    "platform_examples_per_s": "Exposures a second by the training of the platform's own network, in its own batches.",
}
NUM, NUM_UNSEEN, BATCH = 1_000_000, 200_000, 4096
PLATFORM_NUM = 300_000
_STEPS = 40
_BLOCK = 8192


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Measure speed in turns, then what one pass learns, then the platform's own network."""
    import tensorflow as tf

    from homefeed.cli.bench.reference_ranker import log
    from models.retrieval.compute_type import compute_type

    task = progress.task_ids[0]
    progress.update(task, total=7)
    done = functools.partial(progress.update, task, advance=1)
    made = log(NUM + NUM_UNSEEN, settings.seed)
    seen = {name: column[:NUM] for name, column in made.items()}
    unseen = {name: column[NUM:] for name, column in made.items()}
    fastest = compute_type(settings.retrieval.model_copy(update={"compute_type": "fastest"}))
    rivals: dict[str, Callable[[], Own | Plain]] = {
        "own": lambda: Own(settings, seen, fastest),
        "float32": lambda: Own(settings, seen, tf.float32),
        "plain": lambda: Plain(settings, seen, tf.keras.optimizers.legacy.Adam(settings.ranking.learning_rate)),
    }
    made_rivals = {name: make() for name, make in rivals.items()}
    made_rivals["adagrad"] = Plain(settings, seen, tf.keras.optimizers.legacy.Adagrad(0.1), in_batches=True)
    speed = rounds({name: rival.train for name, rival in made_rivals.items()}, done)
    cpu_ms = {name: rival.cpu_ms for name, rival in made_rivals.items()}
    made_rivals.clear()
    ne = {}
    for name, make in rivals.items():
        ne[name] = make().learned(unseen)
        done()
    first = np.concatenate([seen["video"][:BATCH], seen["history"][:BATCH].ravel()])
    return {
        "exposures": float(NUM),
        "batch": float(BATCH),
        "distinct_videos": float(len(np.unique(first))),
        "examples_per_s": speed["own"],
        "float32_examples_per_s": speed["float32"],
        "plain_examples_per_s": speed["plain"],
        "times_plain": speed["own"] / speed["plain"],
        "float32_times_plain": speed["float32"] / speed["plain"],
        "adagrad_examples_per_s": speed["adagrad"],
        "times_adagrad": speed["own"] / speed["adagrad"],
        "step_ms": 1000 * BATCH / speed["own"],
        "step_cpu_ms": cpu_ms["own"],
        "products_ms": products_ms(fastest),
        "float32_step_ms": 1000 * BATCH / speed["float32"],
        "float32_step_cpu_ms": cpu_ms["float32"],
        "float32_products_ms": products_ms(tf.float32),
        "plain_step_cpu_ms": cpu_ms["plain"],
        "adagrad_step_cpu_ms": cpu_ms["adagrad"],
        "ne": ne["own"],
        "float32_ne": ne["float32"],
        "plain_ne": ne["plain"],
        "platform_examples_per_s": platform_speed(settings),
    }


class Own:
    """The reference network under the platform's steps.

    Attributes:
      cpu_ms: least processor time of a step so far.
    """

    cpu_ms = np.inf

    def __init__(self, settings: Settings, columns: dict[str, NDArray[Any]], compute_type: Any) -> None:
        import tensorflow as tf

        from homefeed.cli.bench.reference_ranker import ReferenceRanker
        from models.optimizer import LazyAdam
        from models.steps import Steps

        tf.keras.utils.set_random_seed(settings.seed)
        self._random, self._num = np.random.default_rng(settings.seed), len(columns["user"])
        self.model = ReferenceRanker(reads_rows_once=True, compute_type=compute_type)
        self.model({name: column[:2] for name, column in columns.items()})
        optimizer = LazyAdam(settings.ranking.learning_rate)
        self._steps = Steps(self.model.compute_loss, self.model.trainable_variables, optimizer, columns)

    def train(self, seconds: float) -> float:
        """At least so many seconds of training -> exposures per second."""
        began, busy, num = time.perf_counter(), time.process_time(), 0
        while True:
            self._steps(self._order(_STEPS))
            num += _STEPS * BATCH
            if time.perf_counter() - began >= seconds:
                self.cpu_ms = min(self.cpu_ms, 1000 * BATCH * (time.process_time() - busy) / num)
                return num / (time.perf_counter() - began)

    def learned(self, unseen: dict[str, NDArray[Any]]) -> float:
        """Normalised entropy on unseen exposures after one pass."""
        self._steps(self._order(self._num // BATCH))
        return entropy(self.model, unseen)

    def _order(self, steps: int) -> NDArray[np.int64]:
        return self._random.permutation(self._num)[: steps * BATCH].reshape(steps, BATCH)


class Plain:
    """The reference network under `fit`.

    Attributes:
      cpu_ms: least processor time of a step so far.
    """

    cpu_ms = np.inf

    def __init__(
        self, settings: Settings, columns: dict[str, NDArray[Any]], optimizer: Any, in_batches: bool = False
    ) -> None:
        import tensorflow as tf

        from homefeed.cli.bench.reference_ranker import ReferenceRanker

        tf.keras.utils.set_random_seed(settings.seed)
        self.model = ReferenceRanker()
        self.model.compile(optimizer=optimizer)
        self._num = len(columns["user"])
        if in_batches:
            held = {name: tf.constant(column) for name, column in columns.items()}
            rows = tf.data.Dataset.range(self._num).shuffle(self._num, seed=settings.seed).repeat().batch(BATCH)
            data = rows.map(lambda at: {name: tf.gather(column, at) for name, column in held.items()}, tf.data.AUTOTUNE)
        else:
            data = (
                tf.data.Dataset.from_tensor_slices(columns).shuffle(100_000, seed=settings.seed).repeat().batch(BATCH)
            )
        self._batches = iter(data.prefetch(tf.data.AUTOTUNE))

    def train(self, seconds: float) -> float:
        """About so many seconds of training -> exposures per second."""
        clock = Deadline(seconds)
        began, busy = time.perf_counter(), time.process_time()
        self.model.fit(self._batches, steps_per_epoch=1_000_000, verbose=0, callbacks=[clock.callback()])
        self.cpu_ms = min(self.cpu_ms, 1000 * (time.process_time() - busy) / clock.steps)
        return clock.steps * BATCH / (time.perf_counter() - began)

    def learned(self, unseen: dict[str, NDArray[Any]]) -> float:
        """Normalised entropy on unseen exposures after one pass."""
        self.model.fit(self._batches, steps_per_epoch=self._num // BATCH, verbose=0)
        return entropy(self.model, unseen)


def entropy(model: Any, columns: dict[str, NDArray[Any]]) -> float:
    """Normalised entropy of a model's probabilities."""
    import tensorflow as tf

    from models.evaluation import normalised_entropy

    blocks = [
        tf.sigmoid(model({name: column[at : at + _BLOCK] for name, column in columns.items()})[:, 0]).numpy()
        for at in range(0, len(columns["user"]), _BLOCK)
    ]
    return normalised_entropy(columns["watched"][:, 0] > 0, np.concatenate(blocks))


def products_ms(compute_type: Any) -> float:
    """Milliseconds of the matrix products of one step: each layer's own, and those of its two gradients."""
    import tensorflow as tf

    from homefeed.cli.bench.reference_ranker import HIDDEN, NUM_DENSE, WIDTH

    sizes = [3 * WIDTH + NUM_DENSE, *HIDDEN, 1]
    made = [
        [tf.cast(tf.random.normal(shape), compute_type) for shape in ((BATCH, m), (m, n), (BATCH, n))]
        for m, n in itertools.pairwise(sizes)
    ]

    @tf.function  # type: ignore[untyped-decorator]
    def products() -> Any:
        return [
            (x @ w, tf.matmul(x, slope, transpose_a=True), tf.matmul(slope, w, transpose_b=True))
            for x, w, slope in made
        ]

    best = np.inf
    for _ in range(100):
        began = time.perf_counter()
        products()
        best = min(best, time.perf_counter() - began)
    return float(1000 * best)


def platform_speed(settings: Settings) -> float:
    """Exposures a second by the steps of `models.ranking.trainer`, best of several rounds."""
    import tensorflow as tf

    from homefeed.cli.bench.made_exposures import made_exposures
    from models.ranking.trainer import Trainer as PlatformTrainer

    made, size = made_exposures(PLATFORM_NUM, settings.seed), settings.ranking.batch_size
    trainer = PlatformTrainer(settings, made)
    means = [tf.Variable(weight, trainable=False) for weight in trainer.weights()]
    learn = trainer.steps(made, 100 * _STEPS, means)
    order = np.random.default_rng(settings.seed).permutation(len(made))[: _STEPS * size].reshape(_STEPS, size)
    best = 0.0
    for _ in range(6):
        began = time.perf_counter()
        learn(order)
        best = max(best, order.size / (time.perf_counter() - began))
    return best
