"""Train a recommender on a split and measure it on its test."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from models.evaluation.sequences.measure import Measured, measure
from models.evaluation.sequences.recommender import Recommender
from models.evaluation.sequences.split import Split


@dataclass(frozen=True)
class Result:
    """One recommender on the test.

    Attributes:
      name: of the recommender.
      metrics: means over users, by name.
      intervals: 95 % bounds of each.
      fit_s, test_s: seconds of training with all its validations, and of the test.
      validation: the best value that it saw on validation; None when it never looked.
      num_validations: how often it looked.
      is_cut: True where the time was over before training was.
    """

    name: str
    metrics: dict[str, float]
    intervals: dict[str, list[float]]
    fit_s: float
    test_s: float
    validation: float | None
    num_validations: int
    is_cut: bool


def evaluate(
    split: Split,
    recommender: Recommender,
    *,
    seed: int,
    max_s: float | None,
    say: Callable[[str], None] = lambda text: None,
) -> Result:
    """Train a recommender, which chooses itself on validation only, and measure it once on the test.

    Args:
      split: of a protocol; every recommender that is given it gets the same candidates.
      recommender: not trained yet.
      seed: of training and of the bootstrap.
      max_s: seconds after which its training ends, with the validations in it; None is no limit.
      say: told what is going on, one line at a time.
    """
    name, looks = recommender.name, Looks(split, recommender, say)
    say(f"{name}: training")
    began = time.monotonic()
    deadline = None if max_s is None else began + max_s
    is_cut = recommender.fit(split.train, looks.look if split.validation else None, seed=seed, deadline=deadline)
    trained = time.monotonic()
    say(f"{name}: test")
    on_test = measure(recommender, split.test, split.train.num_items, split.test_candidates, split.k)
    return Result(
        name,
        on_test.metrics(split.share, split.k),
        on_test.intervals(split.share, split.k, seed),
        trained - began,
        time.monotonic() - trained,
        max(looks.values, default=None),
        len(looks.values),
        is_cut,
    )


class Looks:
    """A recommender's looks at the validation targets."""

    def __init__(self, split: Split, recommender: Recommender, say: Callable[[str], None]) -> None:
        self.values: list[float] = []
        self._split, self._recommender, self._say = split, recommender, say

    def look(self) -> float:
        """NDCG of the validation targets, of the recommender as it is now."""
        split = self._split
        assert split.validation is not None
        measured: Measured = measure(
            self._recommender, split.validation, split.train.num_items, split.validation_candidates, split.k
        )
        value = float(measured.ndcg.mean())
        self.values.append(value)
        self._say(f"{self._recommender.name}: validation {value:.4f}, best {max(self.values):.4f}")
        return value
