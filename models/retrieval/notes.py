"""Where a training of the towers is, noted while it learns: after a kill it goes on from there."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import set_state, state_of
from models.progress import Progress
from models.retrieval.average import Average
from models.retrieval.frequency import StreamingFrequency

Arrays = Mapping[str, NDArray[Any]]


@dataclass
class Place:
    """Where a training is.

    Attributes:
      stage, epoch: what is learned now, and the pass over it, 0 first.
      steps: of that pass that are done.
      stage_steps, taken: steps of the stage and of the training that are done.
      since_best: passes of the stage since validation said something better than ever before.
      random: state of the generator before that pass drew from it.
      lost, weighed: loss of the steps of that pass times their weight [nats], and that weight.
      losses, validations: as in `trainer.Passes`.
    """

    stage: int = 0
    epoch: int = 0
    steps: int = 0
    stage_steps: int = 0
    taken: int = 0
    since_best: int = 0
    random: dict[str, Any] = field(default_factory=dict)
    lost: float = 0.0
    weighed: float = 0.0
    losses: list[float] = field(default_factory=list)
    validations: list[float] = field(default_factory=list)

    def begin(self, stage: int) -> None:
        """The next stage is learned now."""
        self.stage, self.epoch, self.stage_steps, self.since_best = stage, 0, 0, 0

    def step(self, loss: float, weight: float) -> None:
        """One more step, of a mean loss and a weight."""
        self.lost, self.weighed = self.lost + weight * loss, self.weighed + weight
        self.steps, self.stage_steps, self.taken = self.steps + 1, self.stage_steps + 1, self.taken + 1

    def end_pass(self) -> None:
        """The pass is over."""
        self.losses.append(self.lost / self.weighed if self.weighed else float("nan"))
        self.epoch, self.steps, self.lost, self.weighed = self.epoch + 1, 0, 0.0, 0.0


class Notes:
    """What a training changes beside its place, and the notes of both."""

    def __init__(
        self,
        model: Any,
        average: Average,
        frequency: StreamingFrequency | None,
        random: np.random.Generator,
        progress: Progress | None,
    ) -> None:
        """`progress` keeps the notes; None for none."""
        self._model, self._average, self._frequency = model, average, frequency
        self._random, self._progress = random, progress
        self._stream: Arrays = {}

    def load(self, build: Callable[[], None]) -> tuple[Place, list[NDArray[np.float32]]]:
        """Put back what the newest notes are of; the place, and the best weights so far. The beginning without notes.

        Args:
          build: makes the weights.
        """
        found = self._progress.load(Place) if self._progress else None
        if found is None:
            return Place(), []
        build()
        place, arrays = found
        with arrays:
            set_state(self._model.trainable_variables, self._model.optimizer, arrays)
            self._average.restore(_named("average", arrays))
            if self._frequency is not None:
                self._frequency.restore(_named("frequency", arrays))
            best = _named("best", arrays)
        self._random.bit_generator.state = place.random
        return place, [best[str(number)] for number in range(len(best))]

    def begin_pass(self, place: Place) -> None:
        """Remember what the steps of a pass are drawn with: a thread draws them ahead of those that are learned."""
        place.random = deepcopy(dict(self._random.bit_generator.state))
        if self._progress and self._progress.every and self._frequency is not None:
            self._stream = self._frequency.state()

    def write_due(self, place: Place, best: list[NDArray[np.float32]]) -> None:
        """Write notes if it is time, within a pass."""
        if self._progress and self._progress.every and place.taken % self._progress.every == 0:
            self._progress.save(place, place.taken, self._arrays(best))

    def write(self, place: Place, best: list[NDArray[np.float32]]) -> None:
        """Write notes between two passes."""
        if self._progress and self._progress.every:
            self.begin_pass(place)
            self._progress.save(place, place.taken, self._arrays(best))

    def _arrays(self, best: list[NDArray[np.float32]]) -> Iterator[tuple[str, Any]]:
        yield from state_of(self._model.trainable_variables, self._model.optimizer)
        parts = {"average": self._average.state(), "frequency": self._stream}
        parts["best"] = {str(number): weight for number, weight in enumerate(best)}
        for kind, arrays in parts.items():
            yield from ((f"{kind}:{name}", array) for name, array in arrays.items())


def _named(kind: str, arrays: Any) -> dict[str, NDArray[Any]]:
    """Those of a kind, by their own names."""
    return {name.removeprefix(f"{kind}:"): arrays[name] for name in arrays.files if name.startswith(f"{kind}:")}
