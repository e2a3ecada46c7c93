"""What a training of the ranker writes down: notes to go on from after a kill, and whole tables where trainers divide
them."""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import part_of, set_state, state_of, write_arrays
from models.progress import Place, Progress
from models.trainers.group import Group
from models.trainers.owners import Owners

Weights = list[NDArray[np.float32]]


class Notes:
    """What a training changes beside its place, and the notes of both. Only the chief writes; where tables are divided
    the others send their rows meanwhile.

    Attributes:
      place: where the training is; that of the newest notes at first.
    """

    def __init__(
        self,
        group: Group,
        owners: Owners,
        weights: Sequence[Any],
        means: Sequence[Any],
        optimizer: Any,
        rate: Any,
        progress: Progress | None,
    ) -> None:
        """Notes of a training that has not begun.

        Args:
          group, owners: who learns, and who holds what of divided tables.
          weights, means: variables, and their running means.
          optimizer: with the slots of the weights.
          rate: variable with the size of the next step.
          progress: keeps the notes; None for none.
        """
        self._group, self._owners, self._progress = group, owners, progress
        self._weights, self._means, self._optimizer, self._rate = weights, means, optimizer, rate
        self._parts = owners.parts(weights)
        self.place: Place
        self._found: Any
        self.place, self._found = (progress.load(Place) if progress else None) or (Place(), None)

    def restore(self) -> Weights | None:
        """Put back what the newest notes are of; the best weights so far. None without notes."""
        if self._found is None:
            return None
        with self._found as saved:
            set_state(self._weights, self._optimizer, saved, self._parts)
            self._rate.assign(saved["rate"])
            for place, mean in enumerate(self._means):
                mean.assign(part_of(saved[f"mean_{place}"], self._parts, place))
            best = [p for p in range(len(self._means)) if f"best_{p}" in saved]
            return [part_of(saved[f"best_{p}"], self._parts, p) for p in best]

    def write(self, taken: int, best: Weights) -> None:
        """Note the place after `taken` steps, and the best weights so far."""
        arrays = self._arrays(best)
        if self._progress and self._group.rank == 0:
            self._progress.save(self.place, taken, arrays)
        else:
            deque(arrays, maxlen=0)

    def put_together(self) -> Path | None:
        """The chief writes weights and moments with whole tables; the file, None on the others."""
        arrays = state_of(self._weights, self._optimizer, self._whole)
        if self._progress is None or self._group.rank:
            deque(arrays, maxlen=0)
            return None
        self._progress.folder.mkdir(parents=True, exist_ok=True)
        file = self._progress.folder / "whole.npz"
        write_arrays(file, arrays)
        return file

    def _arrays(self, best: Weights) -> Iterator[tuple[str, Any]]:
        yield from state_of(self._weights, self._optimizer, self._whole)
        yield "rate", self._rate.numpy()
        for name, weights in (("mean", self._means), ("best", best)):
            for place, weight in enumerate(weights):
                yield f"{name}_{place}", self._whole(place, weight)

    def _whole(self, place: int, rows: Any) -> Any:
        """The array of the weight at `place`; of a divided table, what this trainer holds put together on the chief."""
        places = list(self._parts)
        return self._owners.whole(places.index(place), rows) if place in places else np.asarray(rows)
