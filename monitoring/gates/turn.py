"""One release at a time meets viewers, so that each is compared with live alone."""

from homefeed.registry import Stage
from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look


def turn(look: Look) -> list[Check]:
    """`turn`: no other release is in CANARY or RAMP."""
    others = [r.id for r in look.registry.releases(Stage.CANARY, Stage.RAMP) if r.id != look.release.id]
    if others:
        return [waiting("turn", f"{', '.join(others)} is with viewers; this one is next")]
    return [Check("turn", Verdict.PASS, detail="no other release is with viewers")]
