"""What kept a video off a page, and by how much."""

import math
from typing import TYPE_CHECKING

import numpy as np

from homefeed import ids
from serving.draft import Draft, Ranked

if TYPE_CHECKING:
    from models.bundle import Bundle


def needed_value(draft: Draft, ranked: Ranked, position: int | None, worth: float) -> tuple[float, float]:
    """What takes the last slot that goes by value, and the share of its lead that diversity leaves.

    `worth` is the value of the video and what it adds for a new topic.
    """
    assert draft.slate is not None
    by_value = draft.slate.score[~draft.slate.explored]
    if not len(by_value):
        return float("-inf"), 1.0
    # Diversity leaves the lowest where it is.
    cut, lowest = float(by_value.min()), float(ranked.score.min())
    lead = worth - lowest
    keeps = (float(ranked.score[position]) - lowest) / lead if position is not None and lead > 0 else 1.0
    return lowest + (cut - lowest) / max(keeps, 1e-6), keeps


def unproposed(draft: Draft, bundle: "Bundle", video: str) -> str:
    """How far a video is from being proposed, by its score in the index."""
    vector = bundle.query(draft.viewer.row, draft.time)
    _, scores = bundle.search(vector, draft.settings.num_candidates)
    own = bundle.index.take(np.array([ids.key(video)]))[0]
    if not np.isfinite(own).all() or not len(scores):
        return "a source would have to propose it: the index does not hold it"
    return (
        f"a source would have to propose it: its score in the index is {float(own @ vector):.3f}, the last of the "
        f"{len(scores)} that two_tower proposed has {float(scores[-1]):.3f}"
    )


def shortfall(worth: float, needed: float, keeps: float, watched: float, a_watch: float, opens: float) -> list[str]:
    """What the worth lacks, and which probability of a watch alone would make up for it.

    Args:
      worth, needed, keeps: as for `needed_value`.
      watched: the probability of a watch.
      a_watch: what the value holds for a watch.
      opens: the part of `worth` by `discovery`; it goes by the square root of the probability.
    """
    if worth >= needed:
        return []
    told = [f"its value would have to be {needed:.4f} instead of {worth:.4f}: that of the last slot that goes by value"]
    if keeps < 0.999:
        told[0] += f", for a video that keeps {keeps:.0%} of its lead because better ones share its channel or topic"
    # The root x of the probability p makes a_watch * x ** 2 + root * x what both come to now and the shortfall.
    root = opens / math.sqrt(watched) if watched else 0.0
    wanted = a_watch * watched + opens + needed - worth
    if a_watch >= 0 and a_watch + root > 0:
        at = (2 * wanted / (root + math.sqrt(root**2 + 4 * a_watch * wanted))) ** 2
        if at <= 1:
            told.append(f"a probability of a watch of {at:.4f} instead of {watched:.4f} would do alone")
    return told
