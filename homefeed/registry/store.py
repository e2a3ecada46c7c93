"""Reading and writing the control state. Each method is one transaction; the rows it returns are detached."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import sessionmaker

from homefeed.registry.alert_log import AlertLog
from homefeed.registry.database import RegistryError, open_engine, writing
from homefeed.registry.experiment_log import ExperimentLog
from homefeed.registry.failure_log import FailureLog
from homefeed.registry.knob_turns import KnobTurns
from homefeed.registry.stage_moves import IN_ROLLOUT, note_move, open_holds, restore, was_live
from homefeed.registry.tables import Hold, Ingest, Release, Report, Stage, Transition
from homefeed.verdict import Check

_PROMOTIONS = (Stage.CANARY, Stage.RAMP, Stage.LIVE)


class Registry:
    """The control state behind one SQLAlchemy URL.

    Attributes:
      alerts: alerts, silences and the outbox.
      knobs: turns of the knobs.
      experiments: what was tried on whom.
      failures: tasks that failed for good.
    """

    def __init__(self, engine: Engine) -> None:
        self._session = sessionmaker(engine, expire_on_commit=False)
        self._writing = sessionmaker(writing(engine), expire_on_commit=False)
        self.alerts = AlertLog(self._session, self._writing)
        self.knobs = KnobTurns(self._session, self._writing)
        self.failures = FailureLog(self._session, self._writing)
        self.experiments = ExperimentLog(self._session, self._writing)

    def add_release(self, release_id: str, bundle: str, at: datetime, metrics: dict[str, Any]) -> Release:
        """Enter a new bundle in SHADOW; entering the same id again returns what is there."""
        with self._writing.begin() as session:
            release = session.get(Release, release_id)
            if release is None:
                release = Release(
                    id=release_id, bundle=bundle, stage=Stage.SHADOW, stage_since=at, created=at, metrics=metrics
                )
                session.add(release)
            return release

    def move(
        self,
        release_id: str,
        to_stage: Stage,
        at: datetime,
        checks: Sequence[Check],
        reason: str = "",
        *,
        who: str = "",
        expected: Stage | None = None,
    ) -> Release:
        """Store one look of the gates, and the stage it led to (the same stage when the release stays).

        A release that becomes LIVE retires the one that was, and a live one that is ROLLED_BACK brings back the one
        before it, in the same transaction: there is never a moment with two, nor one with none.

        Args:
          release_id: the release.
          to_stage: where it goes.
          at: time of the move.
          checks: the evidence.
          reason: one sentence.
          who: the person who moves it by hand; empty for the gates.
          expected: the stage that the evidence was read for.

        Raises:
          RegistryError: there is no such release, or it has left `expected` meanwhile.
        """
        with self._writing.begin() as session:
            release = session.get(Release, release_id, with_for_update=True)
            if release is None:
                raise RegistryError(f"there is no release {release_id!r}")
            from_stage = Stage(release.stage)
            if expected is not None and from_stage != expected:
                raise RegistryError(
                    f"{release_id} went from {expected} to {from_stage} meanwhile, so nothing was changed; look again "
                    f"with `homefeed release show {release_id}`"
                )
            is_promotion = to_stage != from_stage and to_stage in _PROMOTIONS
            if is_promotion and not who and session.scalar(open_holds().where(Hold.release == release_id)):
                raise RegistryError(f"{release_id} was paused meanwhile, so it stays in {from_stage}")
            note_move(session, release, to_stage, at, checks, reason, who)
            if from_stage == Stage.LIVE and to_stage == Stage.ROLLED_BACK:
                restore(session, release_id, at)
            return release

    def was_live(self) -> Release | None:
        """The release that a rollback of the live one brings back; None when there is none."""
        with self._session() as session:
            return was_live(session)

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

    def first_live_at(self) -> datetime | None:
        """When a release went live for the first time; None before."""
        query = select(Transition.at).where(Transition.to_stage == Stage.LIVE).order_by(Transition.id).limit(1)
        with self._session() as session:
            return session.scalar(query)

    def moves(self, since: datetime) -> list[Transition]:
        """Moves from one stage to another since a time, in order; looks that moved nothing are left out."""
        moved = select(Transition).where(Transition.at >= since, Transition.from_stage != Transition.to_stage)
        with self._session() as session:
            return list(session.scalars(moved.order_by(Transition.id)))

    def hold(self, release_id: str, at: datetime, who: str, reason: str) -> Hold:
        """Keep a release in its stage. Raises RegistryError when it is held already, or is in no rollout."""
        with self._writing.begin() as session:
            release = session.get(Release, release_id, with_for_update=True)
            if release is None:
                raise RegistryError(f"there is no release {release_id!r}; `homefeed release list` names them")
            if release.stage not in IN_ROLLOUT:
                raise RegistryError(
                    f"{release_id} is {release.stage}: only a release in shadow, canary or ramp can be paused; "
                    "`homefeed release rollback` takes the live one off viewers"
                )
            if held := session.scalar(open_holds().where(Hold.release == release_id)):
                raise RegistryError(
                    f"{release_id} is paused since {held.since.isoformat()} by {held.who}: {held.reason}"
                )
            hold = Hold(release=release_id, since=at, who=who, reason=reason)
            session.add(hold)
            return hold

    def end_hold(self, release_id: str, at: datetime, who: str, reason: str) -> Hold:
        """Let a held release go on. Raises RegistryError when it is not held."""
        with self._writing.begin() as session:
            hold = session.scalar(open_holds().where(Hold.release == release_id))
            if hold is None:
                raise RegistryError(f"{release_id} is not paused; `homefeed release list` shows what is")
            hold.ended, hold.ended_by, hold.ended_reason = at, who, reason
            return hold

    def holds(self, release_id: str | None = None) -> list[Hold]:
        """Holds that are in force, oldest first; of one release every hold that there ever was."""
        query = open_holds() if release_id is None else select(Hold).where(Hold.release == release_id)
        with self._session() as session:
            return list(session.scalars(query.order_by(Hold.id)))

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
        with self._writing.begin() as session:
            session.merge(
                Ingest(
                    window=window,
                    accepted=accepted,
                    quarantined=quarantined,
                    duplicate=duplicate,
                    touched=list(touched),
                )
            )

    def ingests(self, since: str = "") -> list[Ingest]:
        """Every ingested arrival window from `since` on, in order."""
        with self._session() as session:
            return list(session.scalars(select(Ingest).where(Ingest.window >= since).order_by(Ingest.window)))

    def watermark(self) -> str | None:
        """Newest arrival window that is in the lake; None before the first."""
        with self._session() as session:
            return session.scalar(select(Ingest.window).order_by(Ingest.window.desc()).limit(1))

    def add_report(self, kind: str, window: str, release: str, path: Path, summary: dict[str, Any]) -> None:
        """Remember a report; one of the same kind, window and release is replaced."""
        with self._writing.begin() as session:
            same = select(Report).where(Report.kind == kind, Report.window == window, Report.release == release)
            for old in session.scalars(same):
                session.delete(old)
            session.add(Report(kind=kind, window=window, release=release, path=str(path), summary=summary))

    def reports(self, kind: str | None = None, limit: int = 100) -> list[Report]:
        """Newest reports first, of one kind or of all."""
        query = select(Report).order_by(Report.window.desc(), Report.id.desc()).limit(limit)
        with self._session() as session:
            return list(session.scalars(query.where(Report.kind == kind) if kind else query))

    def report(self, kind: str, release: str) -> Report | None:
        """The newest report of a kind about one release; None when there is none."""
        query = select(Report).where(Report.kind == kind, Report.release == release).order_by(Report.id.desc())
        with self._session() as session:
            return session.scalar(query.limit(1))


def open_registry(url: str, patience_s: float = 30.0) -> Registry:
    """Open the control state and bring its schema up to date.

    Args:
      url: its SQLAlchemy URL.
      patience_s: how long to wait for a SQLite file that another process has locked.

    Raises:
      RegistryError: it cannot be opened; the message says which and why.
    """
    return Registry(open_engine(url, patience_s))
