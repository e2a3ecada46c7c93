"""Turns of the knobs, in the control state."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from homefeed.knobs import KnobError, checked, place, turnable
from homefeed.registry.tables import KnobTurn, Release


class KnobTurns:
    """Who turned which knob when, and what holds of it. Each method is one transaction."""

    def __init__(self, reading: sessionmaker[Session], writing: sessionmaker[Session]) -> None:
        self._session, self._writing = reading, writing

    def turn(
        self,
        name: str,
        value: float | None,
        at: datetime,
        by: str,
        reason: str = "",
        *,
        release: str = "",
        arm: str = "",
        share: float = 1.0,
    ) -> KnobTurn:
        """Turn a knob for everyone, for the viewers of a release or for those of an arm; None gives it back.

        Raises:
          KnobError: there is no such knob, arm or release, the value is out of range, or the arm does not fit.
        """
        turnable(name)
        with self._writing.begin() as session:
            return turn_in(session, name, value, at, by, reason, release=release, arm=arm, share=share)

    def newest(self, name: str | None = None, limit: int = 100) -> list[KnobTurn]:
        """Turns of one knob or of all, the newest first."""
        query = select(KnobTurn).order_by(KnobTurn.id.desc()).limit(limit)
        with self._session() as session:
            return list(session.scalars(query.where(KnobTurn.name == name) if name else query))

    def holding(self, name: str) -> list[KnobTurn]:
        """What holds of a knob: the newest turn for everyone, for each release and for each arm, unless given back."""
        with self._session() as session:
            return held_in(session, name)


def turn_in(
    session: Session,
    name: str,
    value: float | None,
    at: datetime,
    by: str,
    reason: str,
    *,
    release: str = "",
    arm: str = "",
    share: float = 1.0,
) -> KnobTurn:
    """`KnobTurns.turn` as a part of a transaction of somebody else."""
    held = {(turn.release, turn.arm): turn for turn in held_in(session, name)}
    start = 0.0
    if value is None and (release or arm) and (release, arm) not in held:
        raise KnobError(f"{name} was not turned for {release or arm!r}; `homefeed knob list` shows what was")
    if release and value is not None and session.get(Release, release) is None:
        raise KnobError(f"there is no release {release!r}; `homefeed status` lists them")
    if value is not None:
        checked(name, value)
        if arm:
            arms = {turn.arm: (turn.start, turn.share) for turn in held.values() if turn.arm}
            start = place(arms, arm, share)
    turn = KnobTurn(
        name=name, value=value, release=release, arm=arm, start=start, share=share, at=at, by=by, reason=reason
    )
    session.add(turn)
    return turn


def held_in(session: Session, name: str) -> list[KnobTurn]:
    """What holds of a knob, read in a transaction of somebody else."""
    newest = select(func.max(KnobTurn.id)).where(KnobTurn.name == name).group_by(KnobTurn.release, KnobTurn.arm)
    query = select(KnobTurn).where(KnobTurn.id.in_(newest), KnobTurn.value.is_not(None)).order_by(KnobTurn.id)
    return list(session.scalars(query))
