"""G10: the index finds what exact search finds, and no less than live's does."""

from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.evidence import Side
from monitoring.look import Look


def index(look: Look) -> list[Check]:
    """`index_recall`: share of the exact 1,000 nearest videos that the bundle's index returns; `index_recall_live`:
    the same against live's index, each measured when its bundle was built. A live index that misses nothing searches
    exactly; a catalogue that has outgrown exact search is held to the first bound alone."""
    knobs = look.settings.rollout
    checks = [_recall("index_recall", look.candidate, knobs.min_index_recall, "against exact search")]
    if look.rival is not None and look.rival.bundle is not None:
        theirs = _measured(look.rival)
        if theirs is None:
            return [*checks, waiting("index_recall_live", "the live bundle does not say how its index was measured")]
        if theirs < 1:
            bound = theirs - knobs.index_recall_margin
            checks.append(_recall("index_recall_live", look.candidate, bound, f"against live's {theirs:.4f}"))
    return checks


def _recall(name: str, side: Side, bound: float, against: str) -> Check:
    recall = _measured(side)
    if recall is None:
        return waiting(name, "the bundle does not say how its index was measured; build it again")
    verdict = Verdict.PASS if recall >= bound else Verdict.FAIL
    return Check(name, verdict, value=recall, bound=bound, detail=against)


def _measured(side: Side) -> float | None:
    return side.metric("index", "recall_at_1000")
