"""Interleaving: one page of two rankers, on which each viewer compares them directly.

For each slot a fair coin says which ranker picks, and it picks its best video that is not there yet. Where both would
pick the same video there is nothing to compare, so it is nobody's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Whose pick a slot is: the first ranker's, the second's, or neither's.
FIRST, SECOND, NOBODY = 0, 1, -1


@dataclass(frozen=True)
class Drafted:
    """A page; each is [slots].

    Attributes:
      videos: what is shown.
      first, second: the next best of each ranker there. Where one has no video left it is the other's.
      team: FIRST, SECOND or NOBODY, which is: both would have picked it, or exploration did.
      explored: whether exploration chose the slot.
    """

    videos: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    team: NDArray[np.int8]
    explored: NDArray[np.bool_]


def draft(
    first: Sequence[int],
    second: Sequence[int],
    coins: Sequence[bool],
    explores: Sequence[bool] = (),
    drawn: Sequence[int] = (),
) -> Drafted:
    """Fill a page of as many slots as there are coins, or fewer when the rankings hold fewer videos.

    Given the slots above, a slot that does not explore shows the next best of either ranker with probability 1/2 each:
    a coin of its own for every slot, not for every two (the team draft of Radlinski, Kurup and Joachims 2008), leaves
    nothing hidden that a later slot depends on, so the propensity of every slot is known exactly. It is the limit of
    probabilistic interleaving (Hofmann, Whiteson and de Rijke 2011, section 3) for rankers that do not draw.

    Args:
      first, second: rankings, best first; no video twice in one.
      coins: [slots] whether the second ranker picks.
      explores: [slots] whether the slot takes the next of `drawn`, if any is left; empty for none.
      drawn: videos that exploration shows, in order.
    """
    shown: set[int] = set()
    videos, firsts, seconds, teams, explored = [], [], [], [], []
    a = b = at = 0
    num_first, num_second, num_drawn = len(first), len(second), len(drawn)
    for slot, coin in enumerate(coins):
        while a < num_first and first[a] in shown:
            a += 1
        while b < num_second and second[b] in shown:
            b += 1
        if a == num_first and b == num_second:
            break
        one = first[a] if a < num_first else second[b]
        other = second[b] if b < num_second else one
        does = False
        if explores and explores[slot]:
            while at < num_drawn and drawn[at] in shown:
                at += 1
            does = at < num_drawn
        videos.append(drawn[at] if does else other if coin else one)
        firsts.append(one)
        seconds.append(other)
        teams.append(NOBODY if does or one == other else SECOND if coin else FIRST)
        explored.append(does)
        shown.add(videos[-1])
    return Drafted(
        videos=np.array(videos, np.int64),
        first=np.array(firsts, np.int64),
        second=np.array(seconds, np.int64),
        team=np.array(teams, np.int8),
        explored=np.array(explored, bool),
    )
