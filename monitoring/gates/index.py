"""The index finds what exact search finds."""

from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look


def index(look: Look) -> list[Check]:
    """`index_recall`: share of the exact 1,000 nearest videos that the index of the bundle returns."""
    recall = look.candidate.metric("index", "recall_at_1000")
    bound = look.settings.rollout.min_index_recall
    if recall is None:
        return [waiting("index_recall", "the bundle does not say how its index was measured; build it again")]
    verdict = Verdict.PASS if recall >= bound else Verdict.FAIL
    return [Check("index_recall", verdict, value=recall, bound=bound, detail="against exact search")]
