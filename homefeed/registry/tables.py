"""Control state, table by table. Times are UTC; SQLite drops the offset, so reading puts it back."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


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
