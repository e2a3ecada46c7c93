"""What a policy showed and what came of it, as columns: the input of every estimator."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation.policy.errors import PolicyError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Rounds:
    """One row is one item that was shown in one context.

    Attributes:
      items: [n] code of what was shown, below `num_items`.
      contexts: [n] row of `design`.
      rewards: [n] what came of it.
      propensities: [n] probability that the logging policy showed this item in this context, above 0, up to 1.
      clusters: [n] key of what was drawn together, such as a request.
      design: [c, d] columns of numbers that describe each distinct context.
      num_items: number of items that a policy may show.
    """

    items: Codes
    contexts: Codes
    rewards: Floats
    propensities: Floats
    clusters: Codes
    design: Floats
    num_items: int

    def __post_init__(self) -> None:
        num = len(self.items)
        if num == 0:
            raise PolicyError("no rounds: there is nothing to estimate from")
        for name in ("contexts", "rewards", "propensities", "clusters"):
            if len(getattr(self, name)) != num:
                raise PolicyError(f"{len(getattr(self, name))} {name} where there are {num} items: give one of each")
        check_probabilities(self.propensities, lambda row: f"propensities, row {row}", above_zero=True)
        finite = np.isfinite(self.rewards)
        if not finite.all():
            raise PolicyError(f"rewards, row {np.argmin(finite)}: {self.rewards[np.argmin(finite)]} is not a number")

    def __len__(self) -> int:
        return len(self.items)


def check_probabilities(values: ArrayLike, where: Callable[[int], str], *, above_zero: bool) -> None:
    """Raise PolicyError at the first value that is no probability.

    Args:
      values: [n].
      where: row -> the words that name it.
      above_zero: also refuse 0: what was shown cannot have had probability 0.
    """
    given = np.asarray(values, np.float64)
    wrong = ~((given > 0) if above_zero else (given >= 0)) | ~(given <= 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        wanted = "above 0, up to 1: what was shown had some probability" if above_zero else "from 0 to 1"
        raise PolicyError(
            f"{where(row)}: {given[row]:g} is not a probability {wanted}; "
            "log the probability with which the policy chose, or leave such rows out before they are evaluated"
        )
