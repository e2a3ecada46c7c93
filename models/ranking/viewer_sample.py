"""The exposures of viewers drawn at random."""

import numpy as np

from models.ranking.examples import Examples


def viewer_sample(examples: Examples, most: int, seed: int) -> Examples:
    """At most about `most` of n exposures, in their order: every one of each drawn viewer, as intervals, pages and the
    order within a viewer need whole viewers. All of them when there are no more than that."""
    if len(examples) <= most:
        return examples
    _, viewer, sizes = np.unique(examples.users, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(sizes))
    # The viewer that goes over the bound is in, so that one who saw more than that is measured at all.
    num = int(np.searchsorted(np.cumsum(sizes[drawn]), most)) + 1
    kept = np.zeros(len(sizes), bool)
    kept[drawn[:num]] = True
    return examples.take(kept[viewer])
