"""A policy's action probabilities from its own log, which holds only the probability of what was drawn each time.

What a log shows most often is what had a high probability at that moment. So the plain mean of the logged propensities
of an item comes out too large wherever propensities vary: it estimates E[p^2] / E[p]. The harmonic mean does not:
E[1/p | shown] = sum p (1/p) / E[p] = 1 / E[p].
"""

import numpy as np

from models.evaluation.policy.rounds import Codes, Floats, Rounds

#: How the probabilities of the target policy are had from its log.
WAYS = ("propensities", "shares")


def probabilities(rounds: Rounds, groups: Codes, num_groups: int, way: str) -> tuple[Floats, Floats]:
    """[g, k] probability of each item in each group, rows of sum 1; and [g] their sums before that.

    Args:
      rounds: of the target policy.
      groups: [n] group of each round, such as its position.
      num_groups: every group has at least one round.
      way: `propensities`: the harmonic mean of the logged propensities of an item in a group, which is exact where they
        do not vary and whose sum tells how far to trust it; 0 for what was never shown. `shares`: how often it was
        shown, which needs no propensity and is surer where they vary much.
    """
    cells = groups * rounds.num_items + rounds.items
    shape = (num_groups, rounds.num_items)
    shown = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    if way == "shares":
        found = shown / shown.sum(1, keepdims=True)
    else:
        inverse = np.bincount(cells, 1 / rounds.propensities, shape[0] * shape[1]).reshape(shape)
        found = np.divide(shown, inverse, out=np.zeros(shape), where=shown > 0)
    sums = found.sum(1)
    return found / sums[:, None], sums
