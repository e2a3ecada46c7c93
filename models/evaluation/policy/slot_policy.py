"""The policy that fills a page slot by slot, as `serving.selector` does, and what it gives each video of a page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.policy.errors import PolicyError
from models.evaluation.policy.rounds import Codes, Floats


@dataclass(frozen=True)
class SlotPolicy:
    """A ranking with exploration, for one request.

    With probability `exploration` a slot takes one of the videos that are left in the pool, each alike; else, and when
    the pool is empty, the best that the slots above have not shown.

    Attributes:
      best: [m] videos, the best first; as many as the page has slots, or more.
      pool: [P] videos that exploration may show; none is in `best`.
      exploration: probability that a slot explores.
    """

    best: Codes
    pool: Codes
    exploration: float

    def propensities(self, shown: Codes) -> Floats:
        """[s] probability of each video of a page in its slot, given the slots above; the page [s] may be another
        policy's."""
        following, left = self._following(shown), self._left(shown)
        explored = np.isin(shown, self.pool)
        ranked = np.where(left > 0, 1 - self.exploration, 1.0) * (shown == following)
        return np.where(explored, self.exploration / np.maximum(left, 1), ranked)

    def unsupported(self, logging: "SlotPolicy", shown: Codes) -> Floats:
        """[s] probability, given the slots above, that this policy shows what `logging` cannot show in the slot.

        A base page that is certain supports one video for each slot; what is left is the pool of its exploration.
        """
        mine, its = self._following(shown), logging._following(shown)
        left, its_left = self._left(shown), logging._left(shown)
        its_ranks = np.where(its_left > 0, 1 - logging.exploration, 1.0) > 0
        its_pool = logging.pool if logging.exploration > 0 else logging.pool[:0]
        ranked = np.where(left > 0, 1 - self.exploration, 1.0)
        lost = ranked * ~((mine == its) & its_ranks | np.isin(mine, its_pool))
        # Of what this pool still holds, all that the other pool has not, but for the one that its ranking shows.
        outside = self.pool[~np.isin(self.pool, its_pool)]
        held = len(outside) - _above(np.isin(shown, outside))
        held = held - (np.isin(its, outside) & its_ranks)
        return np.asarray(lost + self.exploration * held / np.maximum(left, 1))

    def _following(self, shown: Codes) -> Codes:
        """[s] the best that the slots above have not shown."""
        if len(self.best) < len(shown):
            raise PolicyError(f"{len(self.best)} ranked videos for a page of {len(shown)}: rank at least as many")
        # Slot that a ranked video was shown in; past the page when it was not.
        slot = np.full(len(self.best), len(shown))
        where, place = np.nonzero(self.best[:, None] == shown[None, :])
        slot[where] = place
        free = slot[None, :] >= np.arange(len(shown))[:, None]
        return np.asarray(self.best[np.argmax(free, axis=1)])

    def _left(self, shown: Codes) -> NDArray[np.int64]:
        return len(self.pool) - _above(np.isin(shown, self.pool))


def _above(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[s] how many of the slots above have the flag."""
    return np.asarray(np.cumsum(flags) - flags, np.int64)
