"""G7: better than what needs no model: the most watched videos, at the rate that was observed."""

import math
from statistics import NormalDist

from homefeed.verdict import Check
from monitoring.decision import not_worse, waiting
from monitoring.gates.quality import gain_check, loss_check
from monitoring.look import Look

#: Watches of one viewer stand and fall together: how much larger that makes the variance of a recall.
_CLUSTERING = 2.0


def popularity(look: Look) -> list[Check]:
    """`ne_popularity`, `ndcg_popularity` and `recall_popularity`: the release against popularity, on the same data."""
    if too_few := look.too_few():
        checks = [waiting(name, too_few, len(look.rows)) for name in ("ne_popularity", "ndcg_popularity")]
    else:
        rows = look.rows
        # Popularity is at the observed rate, so the ranker is as well; whether its own rate is right, calibration says.
        mine, popular = rows.at_observed_rate(look.candidate.heads(rows)["watched"]), rows.popularity
        what = "log loss against popularity's"
        checks = [
            loss_check(look, "ne_popularity", mine, popular, margin=0.0, what=what),
            gain_check(
                look, "ndcg_popularity", mine, popular, margin=0.0, what="NDCG at 100 lost against popularity's"
            ),
        ]
    return [*checks, _recall(look)]


def _recall(look: Look) -> Check:
    """`recall_popularity`: recall at 100 on the watches that the training held out, against the list that was most
    watched before each of them, by the training's own measurement: a bundle's figures of videos are of its end."""
    knobs, side = look.settings.rollout, look.candidate
    mine, theirs = (side.metric("retrieval", name) for name in ("recall_at_100", "popularity_recall_at_100"))
    num = min(int(side.metric("retrieval", "holdout_watches") or 0), look.settings.retrieval.max_eval_watches)
    if mine is None or theirs is None or num < knobs.min_positives:
        return waiting("recall_popularity", f"{num} of the {knobs.min_positives} held-out watches it takes", num)
    z = NormalDist().inv_cdf((1 + knobs.confidence) / 2)
    half = z * math.sqrt(_CLUSTERING * (mine * (1 - mine) + theirs * (1 - theirs)) / num)
    # More exposures change nothing here: what was measured at training is all there is.
    return not_worse(
        "recall_popularity",
        (theirs - mine, theirs - mine - half, theirs - mine + half),
        fail_above=0.0,
        pass_below=0.0,
        num_samples=num,
        enough=(knobs.min_positives, knobs.min_positives),
        what=f"recall at 100 of {mine:.3f} against popularity's {theirs:.3f}",
    )
