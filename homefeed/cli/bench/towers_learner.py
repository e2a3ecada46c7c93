"""What a trainer of `homefeed bench trainers` does with the two towers."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from homefeed.settings import Settings

#: The site whose watches are learned.
_SITE = {"num_viewers": 20_000, "num_videos": 20_000, "history_days": 4.0, "live_days": 0.0}


class TowersLearner:
    """Steps on the towers of a synthetic site."""

    def __init__(self, settings: Settings, batch: int, group: Any) -> None:
        """`batch` watches of a step of each trainer of `group`."""
        from homefeed.cli.bench.world_log import world_log

        self._settings, self._group = settings, group
        self._batch = {"batch_size": batch * group.num}
        self._made = world_log(settings, settings.world.model_copy(update=_SITE))
        self._towers, self._watches = self._new({})
        self._steps = self._endless()

    def train(self, steps: int) -> tuple[float, float]:
        """Seconds and processor seconds of so many steps, batches included."""
        began, busy = time.perf_counter(), time.process_time()
        for step in itertools.islice(self._steps, steps):
            self._towers.learn(step).numpy()
        return time.perf_counter() - began, time.process_time() - busy

    def learned(self, parts: int) -> tuple[float, list[float]]:
        """One pass without dropout, which each trainer draws for itself: NaN, and the mean loss of each of so many
        parts of it."""
        towers, watches = self._new({"dropout": 0.0, "id_dropout": 0.0})
        losses = [float(towers.learn(step)) for step in towers.steps(watches)]
        return float("nan"), [float(part.mean()) for part in np.array_split(losses, parts)]

    def _new(self, changed: dict[str, float]) -> tuple[Any, Any]:
        import tensorflow as tf

        from models.retrieval.train_set import all_watches
        from models.retrieval.trainer import Towers

        knobs = self._settings.retrieval.model_copy(update=self._batch | changed)
        settings = self._settings.model_copy(update={"retrieval": knobs})
        tf.keras.utils.set_random_seed(settings.seed)
        watches = all_watches(self._made.log.watches, self._made.end_us, knobs)
        return Towers(settings, self._made.log, watches, group=self._group), watches

    def _endless(self) -> Iterator[dict[str, Any]]:
        while True:
            yield from self._towers.steps(self._watches)
