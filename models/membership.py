"""Which of many keys are among a few, and where a few keys are among many."""

import numpy as np
from numpy.typing import NDArray


def among(keys: NDArray[np.int64], few: NDArray[np.int64]) -> NDArray[np.bool_]:
    """keys [n], few [m] in any order -> [n]. numpy's own `isin` sorts both, several times slower for a page."""
    if not len(few):
        return np.zeros(len(keys), bool)
    if len(few) == 1:
        return np.asarray(keys == few[0])
    few = np.sort(few)
    return np.asarray(few[np.minimum(np.searchsorted(few, keys), len(few) - 1)] == keys)


def places(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of `wanted`, of any shape, is in `keys` [v], which ascend; -1 for one that is not there.

    They are looked up in order, so that a search reads what the one before it has read: of a million keys a thousand
    take a fifth of the time.
    """
    if not len(keys):
        return np.full(np.shape(wanted), -1, np.int64)
    flat = np.ravel(wanted)
    order = np.argsort(flat)
    found = np.empty(len(flat), np.int64)
    found[order] = np.minimum(np.searchsorted(keys, flat[order]), len(keys) - 1)
    return np.where(keys[found] == flat, found, -1).reshape(np.shape(wanted))
