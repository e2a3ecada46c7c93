"""How good a training is: recall beside popularity's, by length of the list and by slice, and every pass."""

from dataclasses import asdict
from typing import Any

import numpy as np

from models.evaluation import recall_at
from models.names import Names
from models.retrieval.batches import Log
from models.retrieval.recall import intervals_by_k, popular_ranks, recall_by_k
from models.retrieval.slices import slices
from models.retrieval.trainer import Passes, Towers
from models.retrieval.watches import Watches
from models.training import measured


def quality_of(
    towers: Towers, passes: Passes, log: Log, *, validation: Watches, holdout: Watches, names: Names, seed: int
) -> dict[str, Any]:
    """Metrics of a training, for JSON.

    Args:
      towers: trained, after `passes`.
      log: catalogue and every watch; each query knows the watches before it.
      validation: the watches that chose the pass.
      holdout: watches that training never saw; what `recall_at_100`, `recall_at_k` and `slices` are of.
      names: of the countries.
      seed: of the intervals.
    """
    found, popular = towers.ranks(holdout), popular_ranks(log, holdout)
    parts = slices(log, holdout, found, popular, names=names, seed=seed)
    return {
        "recall_at_100": recall_at(found, 100),
        "popularity_recall_at_100": recall_at(popular, 100),
        "recall_at_k": measured(recall_by_k(found)),
        "recall_at_k_interval": intervals_by_k(found, holdout.users, seed),
        "popularity_recall_at_k": measured(recall_by_k(popular)),
        "slices": [measured(asdict(part)) for part in parts],
        "validation_recall_at_100": max(passes.validations),
        "validation_popularity_recall_at_100": recall_at(popular_ranks(log, validation), 100),
        "losses": _numbers(passes.losses),
        "validations": _numbers(passes.validations),
        "holdout_watches": len(holdout),
    }


def _numbers(values: list[float]) -> list[float | None]:
    """Values for JSON; one that is not a number was not measured."""
    return [value if np.isfinite(value) else None for value in values]
