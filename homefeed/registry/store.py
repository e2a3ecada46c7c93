"""Reading and writing the control state. Each method is one transaction; the rows it returns are detached."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from homefeed.errors import HomefeedError
from homefeed.knobs import KnobError, checked, place, turnable
from homefeed.registry.tables import Ingest, KnobTurn, Release, Report, Stage, Transition
from homefeed.verdict import Check, overall

#: Stages in which a release answers or scores requests beside the live one.
IN_ROLLOUT = (Stage.SHADOW, Stage.CANARY, Stage.RAMP)


class RegistryError(HomefeedError):
    """The control state cannot be read or changed as asked."""


class Registry:
    """The control state behind one SQLAlchemy URL."""

    def __init__(self, engine: Engine) -> None:
        self._session = sessionmaker(engine, expire_on_commit=False)

    def add_release(self, release_id: str, bundle: str, at: datetime, metrics: dict[str, Any]) -> Release:
        """Enter a new bundle in SHADOW; entering the same id again returns what is there."""
        with self._session.begin() as session:
            release = session.get(Release, release_id)
            if release is None:
                release = Release(
                    id=release_id, bundle=bundle, stage=Stage.SHADOW, stage_since=at, created=at, metrics=metrics
                )
                session.add(release)
            return release

    def move(
        self, release_id: str, to_stage: Stage, at: datetime, checks: Sequence[Check], reason: str = ""
    ) -> Release:
        """Store one look of the gates, and the stage it led to (the same stage when the release stays).

        A release that becomes LIVE retires the one that was, in the same transaction: there is never a moment with two.

        Raises:
          RegistryError: there is no such release.
        """
        with self._session.begin() as session:
            release = session.get(Release, release_id, with_for_update=True)
            if release is None:
                raise RegistryError(f"there is no release {release_id!r}")
            from_stage = Stage(release.stage)
            session.add(
                Transition(
                    release=release_id,
                    at=at,
                    from_stage=from_stage,
                    to_stage=to_stage,
                    verdict=overall(checks).value,
                    checks=[check.to_dict() for check in checks],
                    reason=reason,
                )
            )
            if to_stage == from_stage:
                return release
            if to_stage == Stage.LIVE:
                for old in session.scalars(select(Release).where(Release.stage == Stage.LIVE)):
                    self._set_stage(old, Stage.RETIRED, at)
            self._set_stage(release, to_stage, at)
            return release

    @staticmethod
    def _set_stage(release: Release, stage: Stage, at: datetime) -> None:
        release.stage, release.stage_since = stage, at

    def release(self, release_id: str) -> Release | None:
        """One release by its id."""
        with self._session() as session:
            return session.get(Release, release_id)

    def releases(self, *stages: Stage) -> list[Release]:
        """Releases in any of `stages` (all when none is given), oldest first."""
        query = select(Release).order_by(Release.created, Release.id)
        with self._session() as session:
            return list(session.scalars(query.where(Release.stage.in_(stages)) if stages else query))

    def live(self) -> Release | None:
        """The release that answers viewers outside any rollout."""
        return next(iter(self.releases(Stage.LIVE)), None)

    def in_rollout(self) -> list[Release]:
        """Releases in SHADOW, CANARY or RAMP, oldest first."""
        return self.releases(*IN_ROLLOUT)

    def transitions(self, release_id: str) -> list[Transition]:
        """Every look of the gates at a release, in order."""
        with self._session() as session:
            return list(
                session.scalars(select(Transition).where(Transition.release == release_id).order_by(Transition.id))
            )

    def record_ingest(
        self, window: str, accepted: int, quarantined: int, duplicate: int, touched: Sequence[str]
    ) -> None:
        """Note that arrival window `window` is in the lake, and which event windows it changed."""
        with self._session.begin() as session:
            session.merge(
                Ingest(
                    window=window,
                    accepted=accepted,
                    quarantined=quarantined,
                    duplicate=duplicate,
                    touched=list(touched),
                )
            )

    def ingests(self) -> list[Ingest]:
        """Every ingested arrival window, in order."""
        with self._session() as session:
            return list(session.scalars(select(Ingest).order_by(Ingest.window)))

    def watermark(self) -> str | None:
        """Newest arrival window that is in the lake; None before the first."""
        with self._session() as session:
            return session.scalar(select(Ingest.window).order_by(Ingest.window.desc()).limit(1))

    def add_report(self, kind: str, window: str, release: str, path: Path, summary: dict[str, Any]) -> None:
        """Remember a report; one of the same kind, window and release is replaced."""
        with self._session.begin() as session:
            same = select(Report).where(Report.kind == kind, Report.window == window, Report.release == release)
            for old in session.scalars(same):
                session.delete(old)
            session.add(Report(kind=kind, window=window, release=release, path=str(path), summary=summary))

    def reports(self, kind: str | None = None, limit: int = 100) -> list[Report]:
        """Newest reports first, of one kind or of all."""
        query = select(Report).order_by(Report.window.desc(), Report.id.desc()).limit(limit)
        with self._session() as session:
            return list(session.scalars(query.where(Report.kind == kind) if kind else query))

    def turn_knob(
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
        with self._session.begin() as session:
            held = {(turn.release, turn.arm): turn for turn in _holding(session, name)}
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

    def knob_turns(self, name: str | None = None, limit: int = 100) -> list[KnobTurn]:
        """Turns of one knob or of all, the newest first."""
        query = select(KnobTurn).order_by(KnobTurn.id.desc()).limit(limit)
        with self._session() as session:
            return list(session.scalars(query.where(KnobTurn.name == name) if name else query))

    def knobs(self, name: str) -> list[KnobTurn]:
        """What holds of a knob: the newest turn for everyone, for each release and for each arm, unless given back."""
        with self._session() as session:
            return _holding(session, name)


def _holding(session: Session, name: str) -> list[KnobTurn]:
    newest = select(func.max(KnobTurn.id)).where(KnobTurn.name == name).group_by(KnobTurn.release, KnobTurn.arm)
    query = select(KnobTurn).where(KnobTurn.id.in_(newest), KnobTurn.value.is_not(None)).order_by(KnobTurn.id)
    return list(session.scalars(query))


def open_registry(url: str) -> Registry:
    """Open the control state and bring its schema up to date; raises RegistryError when that cannot be done."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except Exception as error:
        raise RegistryError(f"the registry at {parsed.render_as_string()} cannot be opened: {error}") from error
    return Registry(engine)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Writers wait for each other, readers do not wait for writers."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=30000")
