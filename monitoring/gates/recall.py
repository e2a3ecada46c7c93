"""Recall of a retriever against another list, on the same watches of the newest closed windows."""

import numpy as np
from numpy.typing import NDArray

from homefeed.verdict import Check
from models.evaluation import viewer_bootstrap
from monitoring.decision import not_worse, waiting
from monitoring.look import Look
from monitoring.retrieved import LIST


def recall(
    look: Look,
    name: str,
    mine: NDArray[np.float64],
    theirs: NDArray[np.float64],
    *,
    margin: float,
    whose: str,
) -> Check:
    """The candidate's recall at 100 against another list's, by ranks of the same watches [n] each; relative `margin`.
    A watch that one of the two cannot find, as it has no rank, is left out."""
    knobs, wanted = look.settings.rollout, look.wanted
    both = ~(np.isnan(mine) | np.isnan(theirs))
    own, other = (mine[both] < LIST).astype(np.float64), (theirs[both] < LIST).astype(np.float64)
    if len(own) < knobs.min_positives:
        why = f"{len(own)} of the {knobs.min_positives} watches it takes, in windows {look.span[0]}..{look.span[1]}"
        return waiting(name, why, len(own))
    # Of a list that finds nothing nothing can be lost.
    base = other if other.any() else np.ones(len(other))
    fall = viewer_bootstrap(wanted.users[both], other - own, base, seed=look.settings.seed, confidence=knobs.confidence)
    what = f"recall at 100 of {own.mean():.3f} against {whose} {other.mean():.3f} on {len(own)} watches"
    return not_worse(
        name,
        (fall.estimate, fall.low, fall.high),
        fail_above=margin,
        pass_below=margin,
        num_samples=fall.num_viewers,
        enough=look.enough(2),
        what=what,
    )
