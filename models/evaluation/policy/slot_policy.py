"""The policy that fills a page slot by slot, as `serving.selector` does, and what it gives each video of a page."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.policy.errors import PolicyError
from models.evaluation.policy.rounds import Codes, Floats


@dataclass(frozen=True)
class SlotPolicy:
    """A ranking with exploration, for one request.

    With probability `exploration` a slot takes one of the videos that are left in the pool, each by its weight over the
    sum of those left; else, and when the pool is empty, the best that the slots above have not shown.

    Attributes:
      best: [m] videos, the best first; as many as the page has slots, or more.
      pool: [P] videos that exploration may show; some may be in `best` as well.
      exploration: probability that a slot explores.
      weight: [P] above 0, how each of the pool is drawn; None draws them alike.
    """

    best: Codes
    pool: Codes
    exploration: float
    weight: Floats | None = None

    def propensities(self, shown: Codes) -> Floats:
        """[s] probability of each video of a page in its slot, given the slots above; the page [s] may be another
        policy's."""
        following, weight = self._following(shown), self._weight_of(shown)
        ranked = np.where(self._is_left(shown), 1 - self.exploration, 1.0) * (shown == following)
        return np.asarray(ranked + self.exploration * weight / self._left(shown))

    def unsupported(self, logging: "SlotPolicy", shown: Codes) -> Floats:
        """[s] probability, given the slots above, that this policy shows what `logging` cannot show in the slot.

        A base page that is certain supports one video for each slot; what is left is the pool of its exploration.
        """
        mine, its = self._following(shown), logging._following(shown)
        its_ranks = np.where(logging._is_left(shown), 1 - logging.exploration, 1.0) > 0
        its_pool = logging.pool if logging.exploration > 0 else logging.pool[:0]
        ranked = np.where(self._is_left(shown), 1 - self.exploration, 1.0)
        lost = ranked * ~((mine == its) & its_ranks | np.isin(mine, its_pool))
        # Of what this pool still holds, all that the other pool has not, but for the one that its ranking shows.
        outside = ~np.isin(self.pool, its_pool)
        of_page = self._weight_of(shown) * ~np.isin(shown, its_pool)
        held = self._weights[outside].sum() - _above(of_page)
        held = held - self._weight_of(its) * ~np.isin(its, its_pool) * its_ranks
        return np.asarray(lost + self.exploration * np.maximum(held, 0) / self._left(shown))

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

    @property
    def _weights(self) -> Floats:
        return np.ones(len(self.pool)) if self.weight is None else self.weight

    def _weight_of(self, videos: Codes) -> Floats:
        """[s] weight of each video in the pool, 0 when it is not there."""
        page, place = np.nonzero(videos[:, None] == self.pool[None, :])
        weight = np.zeros(len(videos))
        weight[page] = self._weights[place]
        return weight

    def _is_left(self, shown: Codes) -> NDArray[np.bool_]:
        """[s] whether the slots above left anything of the pool."""
        return len(self.pool) > _above(np.isin(shown, self.pool))

    def _left(self, shown: Codes) -> Floats:
        """[s] weight that the slots above left of the pool; 1 where it is empty."""
        # What is left is summed, not what is gone subtracted: the last video is drawn for sure, exactly.
        weight = self._weight_of(shown)
        never = self._weights[~np.isin(self.pool, shown)].sum()
        left = never + np.cumsum(weight[::-1])[::-1]
        return np.where(self._is_left(shown), left, 1.0)


def _above(amounts: NDArray[Any]) -> NDArray[Any]:
    """[s] sum over the slots above."""
    return np.asarray(np.cumsum(amounts) - amounts)
