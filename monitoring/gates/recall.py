"""Recall of a retriever against live's, on the same watches of the newest closed windows."""

import numpy as np

from homefeed.verdict import Check
from models.evaluation import viewer_bootstrap
from monitoring.decision import not_worse, waiting
from monitoring.evidence import Side
from monitoring.look import Look
from monitoring.retrieved import LIST, ranks


def recall(look: Look, rival: Side) -> Check:
    """`recall_live`: relative fall of recall at 100 from `rival` to the candidate. A watch of a video that one of the
    two does not know is left out."""
    knobs, wanted = look.settings.rollout, look.wanted
    assert look.candidate.bundle is not None
    assert rival.bundle is not None
    mine, theirs = (ranks(bundle, wanted) for bundle in (look.candidate.bundle, rival.bundle))
    both = ~(np.isnan(mine) | np.isnan(theirs))
    own, other = (mine[both] < LIST).astype(np.float64), (theirs[both] < LIST).astype(np.float64)
    if len(own) < knobs.min_positives:
        why = f"{len(own)} of the {knobs.min_positives} watches it takes, in windows {look.span[0]}..{look.span[1]}"
        return waiting("recall_live", why, len(own))
    # Of a list that finds nothing nothing can be lost.
    base = other if other.any() else np.ones(len(other))
    fall = viewer_bootstrap(wanted.users[both], other - own, base, seed=look.settings.seed, confidence=knobs.confidence)
    return not_worse(
        "recall_live",
        (fall.estimate, fall.low, fall.high),
        fail_above=knobs.recall_margin,
        pass_below=knobs.recall_margin,
        num_samples=fall.num_viewers,
        enough=look.enough(2),
        what=f"recall at 100 of {own.mean():.3f} against live's {other.mean():.3f} on {len(own)} watches",
    )
