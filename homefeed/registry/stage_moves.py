"""Moves of releases between stages, as parts of a transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from homefeed.registry.tables import Hold, Release, Stage, Transition
from homefeed.verdict import Check, Verdict, overall

#: Stages in which a release answers or scores requests beside the live one.
IN_ROLLOUT = (Stage.SHADOW, Stage.CANARY, Stage.RAMP)


def note_move(
    session: Session,
    release: Release,
    to_stage: Stage,
    at: datetime,
    checks: Sequence[Check],
    reason: str,
    who: str = "",
) -> None:
    """Store a look of the gates and the stage it led to; the live release makes room for another."""
    from_stage = Stage(release.stage)
    session.add(
        Transition(
            release=release.id,
            at=at,
            from_stage=from_stage,
            to_stage=to_stage,
            verdict=overall(checks).value,
            checks=[check.to_dict() for check in checks],
            reason=reason[:2000],
            who=who,
        )
    )
    if to_stage == from_stage:
        return
    if to_stage == Stage.LIVE:
        for old in session.scalars(select(Release).where(Release.stage == Stage.LIVE)):
            _set_stage(old, Stage.RETIRED, at)
    _set_stage(release, to_stage, at)
    if to_stage not in IN_ROLLOUT:
        for hold in session.scalars(open_holds().where(Hold.release == release.id)):
            hold.ended, hold.ended_by, hold.ended_reason = at, who or "gates", f"it is {to_stage}"


def restore(session: Session, failed: str, at: datetime) -> None:
    """Bring back the release that was live before: no training. Without one, pages fall back to trending."""
    before = was_live(session)
    if before is not None:
        check = Check("restored", Verdict.PASS, detail=f"{failed} was rolled back and this release was live before it")
        note_move(session, before, Stage.LIVE, at, [check], check.detail)


def was_live(session: Session) -> Release | None:
    """The release that was live before; None when there is none."""
    newest = (
        select(Release)
        .join(Transition, Transition.release == Release.id)
        .where(Release.stage == Stage.RETIRED, Transition.to_stage == Stage.LIVE)
        .where(Transition.from_stage != Stage.LIVE)
        .order_by(Transition.id.desc())
        .limit(1)
    )
    return session.scalar(newest)


def open_holds() -> Select[Hold]:
    """Holds that are in force."""
    return select(Hold).where(Hold.ended.is_(None))


def _set_stage(release: Release, stage: Stage, at: datetime) -> None:
    release.stage, release.stage_since = stage, at
