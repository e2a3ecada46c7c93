"""The operating point: the probability from which an exposure counts as promised."""

import numpy as np
from numpy.typing import ArrayLike


def best_threshold(labels: ArrayLike, probabilities: ArrayLike, weight: ArrayLike | None = None) -> float:
    """The threshold of the greatest F1, to be chosen on other exposures than it is judged on.

    Args:
      labels: [n] bool.
      probabilities: [n].
      weight: [n] exposures that each row stands for.

    Returns:
      The largest of the best ones; NaN without a positive, or when a probability is not a number.
    """
    positive, p = np.asarray(labels, bool), np.asarray(probabilities, np.float64)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, np.float64)
    if not w[positive].any() or not np.isfinite(p).all():
        return float("nan")
    order = np.argsort(-p, kind="stable")
    is_last = np.append(np.diff(p[order]) != 0, True)
    kept, promised = np.cumsum(w[order] * positive[order])[is_last], np.cumsum(w[order])[is_last]
    f1 = 2 * kept / (promised + w[positive].sum())
    return float(p[order][is_last][np.argmax(f1)])
