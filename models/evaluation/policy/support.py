"""Whether a log can speak for a policy: effective sample size, largest weight, and what the log never showed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.evaluation.policy.errors import UnsupportedError
from models.evaluation.policy.rounds import Floats, Rounds


@dataclass(frozen=True)
class Support:
    """How much of a log counts for a policy.

    Attributes:
      effective: rounds of the target policy itself that would say as much: (sum w)^2 / sum w^2.
      largest: the largest weight.
      mean: the mean weight; 1 but for chance, when the propensities are right and nothing lacks support.
      unsupported: share of the target policy's probability on what the log never shows there.
    """

    effective: float
    largest: float
    mean: float
    unsupported: float


def effective_size(weights: ArrayLike) -> float:
    """(sum w)^2 / sum w^2 of weights [n]; 0 when all are 0. Source: Kish 1965, "Survey Sampling"."""
    weight = np.asarray(weights, np.float64)
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def supported(rounds: Rounds, target: Floats, groups: ArrayLike, names: list[str], most: float) -> Support:
    """Weigh the rounds, or refuse.

    Args:
      rounds: of the logging policy.
      target: [g, k] probability of each item in each group of contexts, as the target policy shows them.
      groups: [n] group of each round; the log supports an item in a group where it has shown it there.
      names: [k] items as the log names them, for the message.
      most: largest share without support that is accepted.

    Raises:
      UnsupportedError: more than `most` of the target policy's probability lacks support, or nothing of it is left.
    """
    group = np.asarray(groups, np.int64)
    shown = np.zeros(target.shape, bool)
    shown[group, rounds.items] = True
    share = np.bincount(group, minlength=len(target)) / len(rounds)
    missing = np.where(shown, 0.0, target) * share[:, None]
    unsupported = float(missing.sum())
    weights = target[group, rounds.items] / rounds.propensities
    if unsupported > most or not weights.any():
        worst = np.argsort(-missing.sum(0), kind="stable")[:3]
        listed = ", ".join(f"{names[item]} ({missing[:, item].sum():.1%})" for item in worst if missing[:, item].any())
        raise UnsupportedError(
            f"{unsupported:.1%} of what the target policy shows is never shown there by the logging policy "
            f"({listed}); at most {most:.1%} is accepted. The log cannot tell what that is worth: take a log that "
            "explores these items, or accept more with --max-unsupported, which IPS then counts as worth nothing"
        )
    return Support(effective_size(weights), float(weights.max()), float(weights.mean()), unsupported)
