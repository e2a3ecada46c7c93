"""Alerts, their evaluations, silences, and the outbox of messages, in the control state."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from homefeed.registry.database import RegistryError
from homefeed.registry.tables import Alert, AlertState, Delivery, Evaluation, Silence

#: The row that counts the evaluations of everybody.
ANYBODY = "any"
_OPEN = (AlertState.PENDING, AlertState.FIRING)


class AlertLog:
    """What was alerted, who was told, and what must not be told. Each method is one transaction."""

    def __init__(self, reading: sessionmaker[Session], writing: sessionmaker[Session]) -> None:
        self._session, self._writing = reading, writing

    def open(self) -> list[Alert]:
        """Alerts that are pending or firing, oldest first."""
        with self._session() as session:
            return list(session.scalars(select(Alert).where(Alert.state.in_(_OPEN)).order_by(Alert.id)))

    def newest(self, limit: int = 100) -> list[Alert]:
        """Alerts that fired, in any state, the newest first."""
        query = select(Alert).where(Alert.fired.is_not(None)).order_by(Alert.id.desc()).limit(limit)
        with self._session() as session:
            return list(session.scalars(query))

    def holding(self) -> list[Alert]:
        """Alerts that fire and hold promotions."""
        query = select(Alert).where(Alert.state == AlertState.FIRING, Alert.holds).order_by(Alert.id)
        with self._session() as session:
            return list(session.scalars(query))

    def evaluation(self, by: str = ANYBODY) -> Evaluation | None:
        """The last evaluation by somebody, or by anybody."""
        with self._session() as session:
            return session.get(Evaluation, by)

    def commit(
        self,
        by: str,
        at: datetime,
        seen: int,
        alerts: Sequence[Mapping[str, Any]],
        dropped: Sequence[int],
        messages: Sequence[tuple[str, Mapping[str, Any]]],
    ) -> bool:
        """Store one evaluation of the rules, unless somebody else has stored one since it was begun.

        Args:
          by: who evaluated.
          at: time of the evaluation.
          seen: number of the last evaluation when this one read the alerts.
          alerts: columns of the alerts that changed; those without `id` are new.
          dropped: ids of pending alerts that never fired.
          messages: sink and message, for the outbox.

        Returns:
          False when another evaluation came in between: nothing of this one is stored.
        """
        with self._writing.begin() as session:
            last = session.get(Evaluation, ANYBODY, with_for_update=True)
            if (last.number if last else 0) != seen:
                return False
            for name in {ANYBODY, by}:
                mine = session.get(Evaluation, name)
                session.merge(Evaluation(by=name, at=at, number=(mine.number if mine else 0) + 1))
            for columns in alerts:
                session.merge(Alert(**columns))
            if dropped:
                session.execute(delete(Alert).where(Alert.id.in_(dropped)))
            session.add_all(
                Delivery(sink=sink, message=dict(message), created=at, next_at=at) for sink, message in messages
            )
            return True

    def close(self, alert_id: int, at: datetime, who: str, reason: str) -> Alert:
        """Resolve an alert by hand. Raises RegistryError when there is none of that id that fires."""
        with self._writing.begin() as session:
            alert = session.get(Alert, alert_id, with_for_update=True)
            if alert is None or alert.state != AlertState.FIRING:
                state = "there is no such alert" if alert is None else f"it is {alert.state}"
                raise RegistryError(
                    f"alert {alert_id} cannot be resolved: {state}; `homefeed alert list` shows the ids"
                )
            alert.state, alert.resolved = AlertState.RESOLVED, at
            alert.closed_by, alert.closed_reason = who, reason
            # An evaluation that has read it as firing must not store that.
            session.execute(update(Evaluation).where(Evaluation.by == ANYBODY).values(number=Evaluation.number + 1))
            return alert

    def untold(self) -> list[Alert]:
        """Alerts that a person closed, and of whose end nobody was told yet; oldest first."""
        query = select(Alert).where(
            Alert.state == AlertState.RESOLVED, Alert.told.is_not(None), Alert.end_told.is_(None)
        )
        with self._session() as session:
            return list(session.scalars(query.order_by(Alert.id)))

    def silence(self, matcher: Mapping[str, str], since: datetime, until: datetime, who: str, reason: str) -> Silence:
        """Alerts that match are not told before `until`."""
        row = Silence(matcher=dict(matcher), since=since, until=until, who=who, reason=reason)
        with self._writing.begin() as session:
            session.add(row)
        return row

    def end_silence(self, silence_id: int, at: datetime) -> Silence:
        """End a silence now. Raises RegistryError when there is none of that id in force."""
        with self._writing.begin() as session:
            row = session.get(Silence, silence_id)
            if row is None or row.until <= at:
                raise RegistryError(f"no silence {silence_id} is in force; `homefeed alert list` shows those that are")
            row.until = at
            return row

    def silences(self, at: datetime) -> list[Silence]:
        """Silences in force, oldest first."""
        with self._session() as session:
            return list(session.scalars(select(Silence).where(Silence.until > at).order_by(Silence.id)))

    def queue(self, sink: str, message: Mapping[str, Any], at: datetime, next_at: datetime, error: str) -> None:
        """Put a message into the outbox whose first attempt has failed."""
        row = Delivery(sink=sink, message=dict(message), created=at, next_at=next_at, attempts=1, error=error[:2000])
        with self._writing.begin() as session:
            session.add(row)

    def outbox(self) -> list[Delivery]:
        """Messages that are neither delivered nor refused, in order."""
        waiting = select(Delivery).where(Delivery.delivered.is_(None), Delivery.refused.is_(None))
        with self._session() as session:
            return list(session.scalars(waiting.order_by(Delivery.id)))

    def refused_since(self, since: datetime) -> list[Delivery]:
        """Messages that a sink would not have, since a time."""
        with self._session() as session:
            return list(session.scalars(select(Delivery).where(Delivery.refused >= since).order_by(Delivery.id)))

    def claim(self, delivery: Delivery, next_at: datetime) -> bool:
        """Take the next attempt at a message; False when somebody else has taken it. A claimant that dies loses
        nothing: the message is due again at `next_at`."""
        mine = (
            update(Delivery)
            .where(Delivery.id == delivery.id, Delivery.attempts == delivery.attempts)
            .where(Delivery.delivered.is_(None), Delivery.refused.is_(None))
            .values(attempts=delivery.attempts + 1, next_at=next_at)
        )
        with self._writing.begin() as session:
            done = session.execute(mine)
            assert isinstance(done, CursorResult)
            return done.rowcount == 1

    def note_delivery(
        self, delivery_id: int, *, error: str = "", delivered: datetime | None = None, refused: datetime | None = None
    ) -> None:
        """How an attempt went: delivered, refused for good, or neither, and the error."""
        values = {"error": error[:2000], "delivered": delivered, "refused": refused}
        with self._writing.begin() as session:
            session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))

    def prune(self, before: datetime) -> None:
        """Forget messages delivered or refused before a time, and silences that ended a month before. Alerts stay."""
        with self._writing.begin() as session:
            done = or_(Delivery.delivered < before, Delivery.refused < before)
            session.execute(delete(Delivery).where(done))
            session.execute(delete(Silence).where(Silence.until < before - timedelta(days=30)))
