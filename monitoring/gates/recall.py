"""Model recall of two retrievers, each measured by its own training on watches that it held out."""

import math
from statistics import NormalDist

from homefeed.verdict import Check
from monitoring.decision import not_worse, waiting
from monitoring.evidence import Side
from monitoring.look import Look

#: Watches of one viewer stand and fall together: how much larger that makes the variance of a recall.
_CLUSTERING = 2.0


def recall(look: Look, name: str, other: Side, metric: str, *, margin: float, whose: str) -> Check:
    """The candidate's recall at 100 against `metric` of `other`, another release or the same; relative `margin`."""
    knobs = look.settings.rollout
    most = look.settings.retrieval.max_eval_watches
    mine, theirs = look.candidate.metric("retrieval", "recall_at_100"), other.metric("retrieval", metric)
    counts = [min(int(side.metric("retrieval", "holdout_watches") or 0), most) for side in (look.candidate, other)]
    if mine is None or theirs is None or min(counts) < knobs.min_positives:
        return waiting(name, f"{min(counts)} of the {knobs.min_positives} held-out watches it takes", min(counts))
    z = NormalDist().inv_cdf((1 + knobs.confidence) / 2)
    variance = sum(p * (1 - p) / num for p, num in zip((mine, theirs), counts, strict=True))
    half, drop = z * math.sqrt(_CLUSTERING * variance), theirs - mine
    bound = margin * theirs
    # More exposures change nothing here: what was measured at training is all there is.
    enough = (knobs.min_positives, knobs.min_positives)
    what = f"recall at 100 of {mine:.3f} against {whose} {theirs:.3f}"
    harm = (drop, drop - half, drop + half)
    return not_worse(name, harm, fail_above=bound, pass_below=bound, num_samples=min(counts), enough=enough, what=what)
