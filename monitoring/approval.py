"""`approval`: a person's yes before a canary becomes a ramp, where `rollout.approval` asks for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from homefeed.registry import Hold, Registry, Release, Stage, Transition
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict, overall

NAME = "approval"


@dataclass(frozen=True)
class Request:
    """What was asked and answered since a release entered its stage.

    Attributes:
      asked: since when every other check has passed without a break; None while one does not.
      answer: the look that keeps the yes; None while there is none.
    """

    asked: datetime | None
    answer: Transition | None


def request(looks: Sequence[Transition]) -> Request:
    """From the looks at one release in one stage, in order."""
    asked, answer = None, None
    for look in looks:
        if look.who:
            answer = look if any(check["name"] == NAME for check in look.checks) else answer
        elif passed(look.checks):
            asked = asked or look.at
        else:
            asked = None
    return Request(asked, answer)


def passed(checks: Sequence[dict[str, object]]) -> bool:
    """Whether every check of a look passed, apart from this one; False when there is no other."""
    others = [check["verdict"] for check in checks if check["name"] != NAME]
    return bool(others) and all(verdict == Verdict.PASS for verdict in others)


def check(found: Request, holds: Sequence[Hold], passes: bool, now: datetime, timeout_s: float) -> Check:
    """The check of one look.

    Args:
      found: what was asked and answered before.
      holds: every hold that the release ever had: while one is open the time to answer stands still, and when it
        ends it begins anew.
      passes: whether every other check passes now.
      now: time of the look.
      timeout_s: how long an answer may take [s]; without one the release is rejected.
    """
    if found.answer is not None:
        return Check(NAME, Verdict.PASS, detail=f"approved by {found.answer.who}: {found.answer.reason}")
    if not passes:
        return Check(NAME, Verdict.WAIT, detail="asked for as soon as every other check passes")
    if any(hold.ended is None for hold in holds):
        return Check(NAME, Verdict.WAIT, detail="the release is paused: the time to answer begins when it is resumed")
    since = max([found.asked or now, *(hold.ended for hold in holds if hold.ended is not None)])
    waited_s = (now - since).total_seconds()
    if waited_s > timeout_s:
        return Check(
            NAME, Verdict.FAIL, waited_s, timeout_s, detail=f"nobody answered in {timeout_s / 3600:g} h: that is a no"
        )
    until = since + timedelta(seconds=timeout_s)
    detail = f"a person has to approve it until {until:%Y-%m-%d %H:%M} UTC; no answer is a no"
    return Check(NAME, Verdict.WAIT, waited_s, timeout_s, detail=detail)


def approval(
    settings: Settings,
    registry: Registry,
    release: Release,
    live: Release | None,
    checks: Sequence[Check],
    now: datetime,
) -> list[Check]:
    """The check that a look at `release` adds to its other `checks`; none where nobody is asked.

    Nobody is asked while nothing is live: any page is better than none (ADR 7).
    """
    if not settings.rollout.approval or release.stage != Stage.CANARY or live is None:
        return []
    passes = overall(checks) is Verdict.PASS
    found, holds = request(looks_in_stage(registry, release)), registry.holds(release.id)
    return [check(found, holds, passes, now, settings.rollout.approval_timeout_s)]


def looks_in_stage(registry: Registry, release: Release) -> list[Transition]:
    """Looks at a release since it entered its stage, in order, without the move that brought it there."""
    return [
        look
        for look in registry.transitions(release.id)
        if look.from_stage == release.stage and look.at >= release.stage_since
    ]
