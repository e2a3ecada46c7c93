"""The seam of evaluation: what a model must offer to be measured beside the baselines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sequences.log import SequenceLog


@dataclass(frozen=True)
class Histories:
    """What q users did before they are recommended something.

    Attributes:
      items: [q, l] code of each item in the training log, the newest last, -1 on the left where a history is shorter;
        l is the longest of these histories, at least 1. Items that the training log does not have are left out.
      users: [q] code of the user in the training log.
    """

    items: NDArray[np.int64]
    users: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.users)


class Recommender(Protocol):
    """A model that is trained on a log and scores every item of it.

    Attributes:
      name: names it in the results; a Python identifier.
    """

    name: str

    def fit(
        self, train: SequenceLog, validate: Callable[[], float] | None, *, seed: int, deadline: float | None
    ) -> bool:
        """Train. Called once.

        Args:
          train: the only interactions that weights may learn from.
          validate: scores the model as it is now on the validation targets: NDCG of the protocol, larger is better. For
            choosing the epoch or a parameter; it calls `scores`. None when no user has a validation target.
          seed: of everything random.
          deadline: `time.monotonic()` [s] at which training ends with the best model so far; None is no limit.

        Returns:
          True where the deadline ended it.
        """
        ...

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Finite scores of every item of the training log, larger is better, [q] histories -> [q, num_items]."""
        ...
