"""Offline quality on exposures that no training saw: against popularity, and against live on the same rows."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from homefeed.verdict import Check
from models.evaluation import viewer_bootstrap
from models.evaluation.metrics import log_loss
from monitoring.decision import not_worse, waiting
from monitoring.evidence import Side
from monitoring.look import Look

#: Watches of one viewer stand and fall together: how much larger that makes the variance of a recall.
_CLUSTERING = 2.0


def quality(look: Look) -> list[Check]:
    """`ne_popularity`, `recall_popularity`, and when a release is live `ne_live` and `recall_live`."""
    rival = look.rival if look.rival is not None and look.rival.bundle is not None else None
    names = ["ne_popularity", *(["ne_live"] if rival else [])]
    knobs = look.settings.rollout
    if too_few := look.too_few():
        checks = [waiting(name, too_few, len(look.rows)) for name in names]
    else:
        mine = look.candidate.heads(look.rows)["watched"]
        # Popularity is at the observed rate, so the ranker is as well; whether its own rate is right, calibration says.
        fair = look.rows.at_observed_rate(mine)
        checks = [
            _ne(look, "ne_popularity", fair, look.rows.popularity, margin=0.0, what="log loss against popularity's")
        ]
        if rival:
            theirs = rival.heads(look.rows)["watched"]
            checks.append(_ne(look, "ne_live", mine, theirs, margin=knobs.ne_margin, what="log loss against live's"))
    checks.append(_recall_popularity(look))
    if rival:
        checks.append(_recall_live(look, rival))
    return checks


def _ne(
    look: Look, name: str, mine: NDArray[np.float32], theirs: NDArray[np.float32], *, margin: float, what: str
) -> Check:
    """Relative difference of the normalised entropies: with one background it is that of the losses."""
    rows, knobs = look.rows, look.settings.rollout
    loss, other = log_loss(rows.watched, mine) * rows.weight, log_loss(rows.watched, theirs) * rows.weight
    gap = viewer_bootstrap(rows.users, loss - other, other, seed=look.settings.seed, confidence=knobs.confidence)
    harm = (gap.estimate, gap.low, gap.high)
    enough = (knobs.min_offline_viewers, knobs.min_offline_viewers)
    return not_worse(
        name, harm, fail_above=margin, pass_below=margin, num_samples=gap.num_viewers, enough=enough, what=what
    )


def _recall_popularity(look: Look) -> Check:
    """Recall at 100 on the watches that the retriever's training held out, against popularity's on the same ones."""
    mine, theirs = (look.candidate.metric("retrieval", f"{who}recall_at_100") for who in ("", "popularity_"))
    return _recall(look, "recall_popularity", mine, theirs, other=look.candidate, margin=0.0, whose="popularity's")


def _recall_live(look: Look, rival: Side) -> Check:
    """Each release's recall on the watches held out from its own training.

    Not on the same ones: viewers watch what live showed them, so on its own traffic it would always look better.
    """
    mine, theirs = (side.metric("retrieval", "recall_at_100") for side in (look.candidate, rival))
    return _recall(
        look, "recall_live", mine, theirs, other=rival, margin=look.settings.rollout.recall_margin, whose="live's"
    )


def _recall(
    look: Look, name: str, mine: float | None, theirs: float | None, *, other: Side, margin: float, whose: str
) -> Check:
    knobs = look.settings.rollout
    most = look.settings.retrieval.max_eval_watches
    counts = [min(int(side.metric("retrieval", "holdout_watches") or 0), most) for side in (look.candidate, other)]
    if mine is None or theirs is None or min(counts) < knobs.min_positives:
        return waiting(name, f"{min(counts)} of the {knobs.min_positives} held-out watches it takes", min(counts))
    z = NormalDist().inv_cdf((1 + knobs.confidence) / 2)
    variance = sum(p * (1 - p) / num for p, num in zip((mine, theirs), counts, strict=True))
    half, drop = z * math.sqrt(_CLUSTERING * variance), theirs - mine
    bound = margin * theirs
    enough = (knobs.min_positives, knobs.min_positives)
    what = f"recall at 100 of {mine:.3f} against {whose} {theirs:.3f}"
    harm = (drop, drop - half, drop + half)
    return not_worse(name, harm, fail_above=bound, pass_below=bound, num_samples=min(counts), enough=enough, what=what)
