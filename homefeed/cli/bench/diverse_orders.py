"""Two published ways to make a page diverse by the likeness of its videos, rivals of the selector's decay."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Order = NDArray[np.int64]
#: What is left of a quality, squared, below this is noise of 32 bits: the rest of the page goes by quality.
_NOTHING_NEW = 1e-6


def mmr(relevance: Floats, vectors: Floats, relevance_share: float, num: int) -> Order:
    """The next is the best by `share * relevance - (1 - share) * likeness to the most alike that was chosen`.

    Args:
      relevance: [n] any scale.
      vectors: [n, d] of length 1; likeness is their product.
      relevance_share: 1 is relevance alone.
      num: videos to choose; fewer when there are no more.

    Returns:
      [num] positions. Source: Carbonell and Goldstein 1998 (maximal marginal relevance).
    """
    num = min(num, len(relevance))
    chosen = np.empty(num, np.int64)
    rest, alike = np.float32(relevance_share) * relevance, np.zeros(len(relevance), np.float32)
    for place in range(num):
        chosen[place] = best = int(np.argmax(rest - np.float32(1 - relevance_share) * alike))
        rest[best] = -np.inf
        np.maximum(alike, vectors @ vectors[best], out=alike)
    return chosen


def greedy_dpp(quality: Floats, vectors: Floats, num: int) -> Order:
    """The next is what adds most to the determinant of the kernel `q_i * q_j * (1 + likeness) / 2` of what is chosen.

    Args:
      quality: [n] above 0.
      vectors: [n, d] of length 1.
      num: videos to choose; fewer when there are no more.

    Returns:
      [num] positions; where the kernel has no more dimensions, by quality. Source: Chen, Zhang and Zhou 2018 (Fast
      greedy MAP inference for determinantal point process), algorithm 1.
    """
    num = min(num, len(quality))
    chosen, is_left = np.empty(num, np.int64), np.ones(len(quality), bool)
    rows, gain = np.zeros((num, len(quality)), np.float32), quality * quality
    least = _NOTHING_NEW * float(gain.max(initial=0.0))
    for place in range(num):
        best = int(np.argmax(gain))
        if gain[best] <= least:
            by_quality = np.argsort(-quality, kind="stable")
            chosen[place:] = by_quality[is_left[by_quality]][: num - place]
            break
        chosen[place], is_left[best] = best, False
        kernel = quality[best] * quality * (1 + vectors @ vectors[best]) / 2
        rows[place] = (kernel - rows[:place, best] @ rows[:place]) / np.sqrt(gain[best])
        gain = gain - rows[place] ** 2
        gain[best] = -np.inf
    return chosen
