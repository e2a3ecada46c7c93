"""G7: better than what needs no model: the most watched videos, at the rate that was observed."""

from homefeed.verdict import Check
from monitoring.decision import waiting
from monitoring.gates.quality import gain_check, loss_check
from monitoring.gates.recall import recall
from monitoring.look import Look
from monitoring.retrieved import popular_ranks


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
    assert look.candidate.bundle is not None
    own, theirs = look.candidate.ranks(look.wanted), popular_ranks(look.candidate.bundle, look.wanted)
    return [*checks, recall(look, "recall_popularity", own, theirs, margin=0.0, whose="popularity's")]
