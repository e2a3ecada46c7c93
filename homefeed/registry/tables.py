"""Control state, table by table. Times are UTC; SQLite drops the offset, so reading puts it back."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from homefeed.experiments import ExperimentArm


class Stage(StrEnum):
    """SHADOW scores off the response path. CANARY and RAMP answer a share of the viewers. LIVE answers the rest.
    RETIRED was live and can be again, or was overtaken by a newer release. ROLLED_BACK failed a gate and never
    returns."""

    SHADOW = "shadow"
    CANARY = "canary"
    RAMP = "ramp"
    LIVE = "live"
    RETIRED = "retired"
    ROLLED_BACK = "rolled_back"


class AlertState(StrEnum):
    """PENDING: beyond its bound, not yet for as long as the rule asks. FIRING: people are told and, with severity page,
    promotions are held. RESOLVED: back within the bound for long enough, or closed by a person."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class UtcTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without an offset; store UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the offset back."""
        return value and value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Declarative base of the registry."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON,
        list[Any]: JSON,
        datetime: UtcTime,
        str: String(255),
    }


class Release(Base):
    """One bundle on its way to viewers, and where it stands."""

    __tablename__ = "releases"

    id: Mapped[str] = mapped_column(primary_key=True)
    bundle: Mapped[str]
    stage: Mapped[Stage] = mapped_column(String(16))
    stage_since: Mapped[datetime]
    created: Mapped[datetime]
    metrics: Mapped[dict[str, Any]]


class Transition(Base):
    """One look of the gates at a release, with the evidence: also the looks that left it where it was."""

    __tablename__ = "transitions"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    release: Mapped[str] = mapped_column(ForeignKey("releases.id"), index=True)
    at: Mapped[datetime]
    from_stage: Mapped[Stage] = mapped_column(String(16))
    to_stage: Mapped[Stage] = mapped_column(String(16))
    verdict: Mapped[str]
    checks: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(String(2000), default="")
    #: The person who moved it by hand; empty for a look of the gates.
    who: Mapped[str] = mapped_column(default="")


class Hold(Base):
    """One release that a person keeps in its stage: no promotion until the hold is ended."""

    __tablename__ = "holds"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    release: Mapped[str] = mapped_column(ForeignKey("releases.id"), index=True)
    since: Mapped[datetime]
    who: Mapped[str]
    reason: Mapped[str] = mapped_column(String(2000))
    ended: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(default="")
    ended_reason: Mapped[str] = mapped_column(String(2000), default="")


class Ingest(Base):
    """One arrival window that was ingested. Ingesting it again overwrites the row."""

    __tablename__ = "ingests"

    window: Mapped[str] = mapped_column(primary_key=True)
    accepted: Mapped[int]
    quarantined: Mapped[int]
    duplicate: Mapped[int]
    touched: Mapped[list[Any]]


class Report(Base):
    """One HTML report with its summary."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(index=True)
    window: Mapped[str]
    release: Mapped[str]
    path: Mapped[str] = mapped_column(String(1000))
    summary: Mapped[dict[str, Any]]


class KnobTurn(Base):
    """One turn of a knob: for everyone, for the viewers that `release` answers, or for the viewers of `arm`; the other
    two are then empty.

    A `value` of None gives it back: to the settings, or to what holds for everyone. An arm has the viewers whose bucket
    is from `start` up to `start + share`.
    """

    __tablename__ = "knob_turns"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(index=True)
    value: Mapped[float | None]
    release: Mapped[str] = mapped_column(default="")
    arm: Mapped[str] = mapped_column(default="")
    start: Mapped[float] = mapped_column(default=0.0)
    share: Mapped[float] = mapped_column(default=1.0)
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(String(2000), default="")


class Experiment(Base):
    """One experiment: viewers of a layer in arms, from its start until it is stopped. A name is used once.

    `arms` holds `homefeed.experiments.ExperimentArm`s as plain values, the control first. An interleaving has one arm:
    the viewers whose pages are drafted from both of its `releases`.
    """

    __tablename__ = "experiments"

    name: Mapped[str] = mapped_column(primary_key=True)
    layer: Mapped[str] = mapped_column(index=True)
    #: The knob that its arms turn; empty when what is varied is outside the platform.
    knob: Mapped[str] = mapped_column(default="")
    #: The two releases of an interleaving; empty for arms that are compared with each other.
    releases: Mapped[list[Any]] = mapped_column(default=list)
    arms: Mapped[list[Any]]
    started: Mapped[datetime]
    started_by: Mapped[str]
    reason: Mapped[str] = mapped_column(String(2000), default="")
    stopped: Mapped[datetime | None]
    stopped_by: Mapped[str] = mapped_column(default="")
    stopped_reason: Mapped[str] = mapped_column(String(2000), default="")

    @property
    def arm_list(self) -> list[ExperimentArm]:
        """The arms, the control first."""
        return [ExperimentArm(**arm) for arm in self.arms]


class Alert(Base):
    """One time that one rule was beyond its bound for one set of labels, from the first moment to the resolution."""

    __tablename__ = "alerts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    rule: Mapped[str] = mapped_column(index=True)
    labels: Mapped[dict[str, Any]]
    severity: Mapped[str] = mapped_column(String(16))
    #: Whether promotions wait while it fires.
    holds: Mapped[bool]
    state: Mapped[AlertState] = mapped_column(String(16), index=True)
    since: Mapped[datetime]
    fired: Mapped[datetime | None]
    #: Since when it has been back within the bound, while it still fires.
    clear_since: Mapped[datetime | None]
    resolved: Mapped[datetime | None]
    value: Mapped[float | None]
    #: When people were last told of it; None when nobody was.
    told: Mapped[datetime | None]
    #: When those who were told of it were told of its end.
    end_told: Mapped[datetime | None]
    #: What people read: summary, bound, affected, done, commands, runbook, owner.
    content: Mapped[dict[str, Any]]
    closed_by: Mapped[str] = mapped_column(default="")
    closed_reason: Mapped[str] = mapped_column(String(2000), default="")


class Evaluation(Base):
    """Who evaluated the rules, when last, how often; the row `any` counts them all, so that two never both store."""

    __tablename__ = "evaluations"

    by: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    number: Mapped[int]


class Silence(Base):
    """Alerts that match are not told until a time; they still count and still hold promotions."""

    __tablename__ = "silences"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    #: Label (or `rule`) -> shell pattern.
    matcher: Mapped[dict[str, Any]]
    since: Mapped[datetime]
    until: Mapped[datetime]
    who: Mapped[str]
    reason: Mapped[str] = mapped_column(String(2000))


class Delivery(Base):
    """One message to one sink: the outbox. It stays until it is delivered, or refused for good."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sink: Mapped[str] = mapped_column(index=True)
    message: Mapped[dict[str, Any]]
    created: Mapped[datetime]
    next_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    delivered: Mapped[datetime | None]
    refused: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(2000), default="")


class Failure(Base):
    """One task of a DAG that failed for good and has not succeeded since."""

    __tablename__ = "failures"

    dag: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str]
    at: Mapped[datetime]
    error: Mapped[str] = mapped_column(String(2000), default="")
