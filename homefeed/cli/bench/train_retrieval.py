"""`homefeed bench train-retrieval`: examples per second of the platform's training and of two plain ones.

All three train the same layers on the same watches in one run, in turns, and are not told to wait for each other. An
example is a watch that adds to the loss.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

from rich.progress import Progress

from homefeed.cli.bench.world_log import WorldLog, world_log
from homefeed.settings import Settings

MEANING = {
    "videos": "Videos of the site.",
    "watches": "Watches that are learned.",
    "examples_per_s": "Watches a second by the platform's training, batches included; best of the rounds.",
    "plain_examples_per_s": "The same by `tfrs.tasks.Retrieval` and `fit`, one padded history per watch, in-batch "
    "softmax, Adam.",
    "times_plain": "The first divided by that.",
    "packed_examples_per_s": "The same by `fit` over histories that were packed beforehand; in-batch softmax, Adam.",
    "times_packed": "The platform's divided by that; it draws `num_negatives` videos more for every step.",
    "large_videos": "Videos of the large site.",
    "large_examples_per_s": "Watches a second by the platform's training there.",
    "large_packed_examples_per_s": "The same by `fit` over packed histories.",
    "large_times_packed": "The one divided by the other.",
}
SITE = {"num_viewers": 60_000, "num_videos": 20_000, "history_days": 6.0, "live_days": 0.0}
LARGE = SITE | {"num_videos": 500_000}
_ROUNDS, _ROUND_S = 3, 4.0
Trainer = Callable[[float], float]


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Train on a site of 20,000 videos, then on one of 500,000."""
    task = progress.task_ids[0]
    progress.update(task, total=2 * _ROUNDS)
    done = functools.partial(progress.update, task, advance=1)
    made = world_log(settings, settings.world.model_copy(update=SITE))
    trainers = {"own": own(settings, made), "plain": plain(settings, made), "packed": plain(settings, made, True)}
    speed = rounds(trainers, done)
    results = {
        "videos": float(len(made.video)),
        "watches": float(len(made.log.watches)),
        "examples_per_s": speed["own"],
        "plain_examples_per_s": speed["plain"],
        "times_plain": speed["own"] / speed["plain"],
        "packed_examples_per_s": speed["packed"],
        "times_packed": speed["own"] / speed["packed"],
    }
    made = world_log(settings, settings.world.model_copy(update=LARGE))
    speed = rounds({"own": own(settings, made), "packed": plain(settings, made, True)}, done)
    return results | {
        "large_videos": float(len(made.video)),
        "large_examples_per_s": speed["own"],
        "large_packed_examples_per_s": speed["packed"],
        "large_times_packed": speed["own"] / speed["packed"],
    }


def rounds(trainers: dict[str, Trainer], done: Callable[[], object]) -> dict[str, float]:
    """Best speed of each of several rounds in turns; a first one, in which graphs are made, does not count."""
    for train in trainers.values():
        train(0.0)
    best = dict.fromkeys(trainers, 0.0)
    for _ in range(_ROUNDS):
        for name, train in trainers.items():
            best[name] = max(best[name], train(_ROUND_S))
        done()
    return best


def own(settings: Settings, made: WorldLog) -> Trainer:
    """The platform's training: at least so many seconds of it -> examples per second."""
    import tensorflow as tf

    from models.retrieval.train_set import all_watches
    from models.retrieval.trainer import Towers

    tf.keras.utils.set_random_seed(settings.seed)
    learned = all_watches(made.log.watches, made.end_us, settings.retrieval)
    towers = Towers(settings, made.log, learned)
    steps = towers.steps(learned)

    def train(seconds: float) -> float:
        nonlocal steps
        began, num = time.perf_counter(), 0
        while True:
            step = next(steps, None)
            if step is None:
                steps = towers.steps(learned)
                continue
            towers.learn(step)
            num += int((step["weight"] > 0).sum())
            if time.perf_counter() - began >= seconds:
                return num / (time.perf_counter() - began)

    return train


def plain(settings: Settings, made: WorldLog, is_packed: bool = False) -> Trainer:
    """`fit` of `PlainTowers`: about so many seconds of it -> examples per second."""
    import tensorflow as tf

    from homefeed.cli.bench.plain_towers import PlainTowers, examples, packed

    knobs, log = settings.retrieval, made.log
    tf.keras.utils.set_random_seed(settings.seed)
    model = PlainTowers(log, log.watches, knobs)
    if is_packed:
        columns = packed(log, log.watches, knobs, settings.seed)
        size = max(1, knobs.batch_size // knobs.history_length)
    else:
        columns, size = examples(log, log.watches, knobs), knobs.batch_size
    num = len(columns["history"])
    data = tf.data.Dataset.from_tensor_slices(columns).shuffle(num, seed=settings.seed).repeat()
    batches = iter(data.batch(size).prefetch(tf.data.AUTOTUNE))
    per_step = size * knobs.history_length if is_packed else size

    def train(seconds: float) -> float:
        clock = Deadline(seconds)
        began = time.perf_counter()
        model.fit(batches, steps_per_epoch=1_000_000, verbose=0, callbacks=[clock.callback()])
        return clock.steps * per_step / (time.perf_counter() - began)

    return train


class Deadline:
    """Ends `fit` after so many seconds and counts its steps."""

    def __init__(self, seconds: float) -> None:
        self.steps, self._until = 0, time.perf_counter() + seconds

    def callback(self) -> Any:
        """As Keras wants it."""
        import tensorflow as tf

        def after(_: int, logs: object = None) -> None:
            self.steps += 1
            made.model.stop_training = time.perf_counter() >= self._until

        made = tf.keras.callbacks.LambdaCallback(on_batch_end=after)
        return made
