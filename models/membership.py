"""Which of many keys are among a few, and where a few keys are among many."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import Ints, IntsOut, compiled

#: An odd number that spreads keys that are near each other, as rows are, over the slots (Knuth's multiplicative hash).
_SPREAD = 0x1E3779B97F4A7C15
#: Keys that are looked up beside each other; where they stand stays in the processor's first cache.
_TOGETHER = 1024


def among(keys: NDArray[np.int64], few: NDArray[np.int64]) -> NDArray[np.bool_]:
    """keys [n], few [m] in any order -> [n]."""
    return positions(few, keys) >= 0


def positions(few: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of `keys` [n] is in `few` [m], in any order, for the first time; -1 for one that is not there. numpy's
    own ways sort, several times slower for a page."""
    found = np.empty(len(keys), np.int64)
    _positions(np.ascontiguousarray(few, np.int64), np.ascontiguousarray(keys, np.int64), found)
    return found


def distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of those of `keys` [n] that are there for the first time, in order."""
    return np.flatnonzero(positions(keys, keys) == np.arange(len(keys)))


@compiled
def _positions(few: Ints, keys: Ints, found: IntsOut) -> None:
    size = 1
    while size < 2 * len(few):
        size *= 2
    # Each of `few` in the first free slot from its own on; one slot is free at least, so that a search ends.
    slots, last = np.full(size, -1), size - 1
    for place in range(len(few)):
        at = ((few[place] * _SPREAD) >> 32) & last
        while slots[at] >= 0 and few[slots[at]] != few[place]:
            at = (at + 1) & last
        if slots[at] < 0:
            slots[at] = place
    for i in range(len(keys)):
        at = ((keys[i] * _SPREAD) >> 32) & last
        while slots[at] >= 0 and few[slots[at]] != keys[i]:
            at = (at + 1) & last
        found[i] = slots[at]


def places(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of `wanted`, of any shape, is in `keys` [v], which ascend; -1 for one that is not there."""
    flat = np.ascontiguousarray(np.ravel(wanted), np.int64)
    found = np.full(len(flat), -1)
    if len(keys):
        _places(np.ascontiguousarray(keys, np.int64), flat, found)
    return found.reshape(np.shape(wanted))


@compiled
def _places(keys: Ints, wanted: Ints, found: IntsOut) -> None:
    for first in range(0, len(wanted), _TOGETHER):
        block, low, left = wanted[first : first + _TOGETHER], found[first : first + _TOGETHER], len(keys)
        low[:] = 0
        # One step of all searches, then the next: none waits for the memory that another has asked for.
        while left > 1:
            half = left // 2
            upper = keys[half:]
            for i in range(len(block)):
                low[i] += half if upper[low[i]] <= block[i] else 0
            left -= half
        for i in range(len(block)):
            low[i] = low[i] if keys[low[i]] == block[i] else -1
