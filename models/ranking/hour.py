"""The windows that an hour's training of the ranker reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homefeed import windows

#: Windows of the hour that is watched for what the new one makes worse.
_CHECKED = 6


@dataclass(frozen=True)
class Hour:
    """Windows of exposures, each in order.

    Attributes:
      new: not learned before.
      replayed: learned before, and learned again.
      checked: the newest that were learned before; they are not replayed, and must not get worse.
    """

    new: tuple[str, ...]
    replayed: tuple[str, ...]
    checked: tuple[str, ...]

    @property
    def learned(self) -> tuple[str, ...]:
        """What is learned, in order."""
        return (*self.replayed, *self.new)


def hour_of(published: Sequence[str], learned_until: str, replay_share: float, seed: int) -> Hour:
    """Split windows into what is new and what is replayed.

    Args:
      published: windows with exposures that may be learned, in order.
      learned_until: newest window that the training before has learned.
      replay_share: of the windows that are learned, those that were learned before; they are drawn at random, others in
        each hour.
      seed: of the draw.
    """
    new = tuple(w for w in published if w > learned_until)
    before = [w for w in published if w <= learned_until]
    checked, older = before[-_CHECKED:], before[:-_CHECKED]
    num = min(len(older), round(replay_share / (1 - replay_share) * len(new)))
    hour = int(windows.start(learned_until).timestamp()) // windows.WINDOW_S
    drawn = np.sort(np.random.default_rng([seed, hour]).permutation(len(older))[:num])
    return Hour(new, tuple(older[place] for place in drawn), tuple(checked))
