"""Reading and writing the control state. Each method is one transaction; the rows it returns are detached."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from homefeed.experiments import ExperimentArm, ExperimentError, knob_layer
from homefeed.knobs import KnobError, checked, place, turnable
from homefeed.registry.alert_log import AlertLog
from homefeed.registry.database import RegistryError, open_engine, writing
from homefeed.registry.tables import Experiment, Failure, Hold, Ingest, KnobTurn, Release, Report, Stage, Transition
from homefeed.verdict import Check, Verdict, overall

#: Stages in which a release answers or scores requests beside the live one.
IN_ROLLOUT = (Stage.SHADOW, Stage.CANARY, Stage.RAMP)
_PROMOTIONS = (Stage.CANARY, Stage.RAMP, Stage.LIVE)


class Registry:
    """The control state behind one SQLAlchemy URL.

    Attributes:
      alerts: alerts, silences and the outbox.
    """

    def __init__(self, engine: Engine) -> None:
        self._session = sessionmaker(engine, expire_on_commit=False)
        self._writing = sessionmaker(writing(engine), expire_on_commit=False)
        self.alerts = AlertLog(self._session, self._writing)

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
            if is_promotion and not who and session.scalar(_open_holds().where(Hold.release == release_id)):
                raise RegistryError(f"{release_id} was paused meanwhile, so it stays in {from_stage}")
            self._note(session, release, to_stage, at, checks, reason, who)
            if from_stage == Stage.LIVE and to_stage == Stage.ROLLED_BACK:
                self._restore(session, release_id, at)
            return release

    def _note(
        self,
        session: Session,
        release: Release,
        to_stage: Stage,
        at: datetime,
        checks: Sequence[Check],
        reason: str,
        who: str = "",
    ) -> None:
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
                self._set_stage(old, Stage.RETIRED, at)
        self._set_stage(release, to_stage, at)
        if to_stage not in IN_ROLLOUT:
            for hold in session.scalars(_open_holds().where(Hold.release == release.id)):
                hold.ended, hold.ended_by, hold.ended_reason = at, who or "gates", f"it is {to_stage}"

    def _restore(self, session: Session, failed: str, at: datetime) -> None:
        """Bring back the release that was live before: no training. Without one, pages fall back to trending."""
        before = self._was_live(session)
        if before is not None:
            check = Check(
                "restored", Verdict.PASS, detail=f"{failed} was rolled back and this release was live before it"
            )
            self._note(session, before, Stage.LIVE, at, [check], check.detail)

    @staticmethod
    def _was_live(session: Session) -> Release | None:
        newest = (
            select(Release)
            .join(Transition, Transition.release == Release.id)
            .where(Release.stage == Stage.RETIRED, Transition.to_stage == Stage.LIVE)
            .where(Transition.from_stage != Stage.LIVE)
            .order_by(Transition.id.desc())
            .limit(1)
        )
        return session.scalar(newest)

    def was_live(self) -> Release | None:
        """The release that a rollback of the live one brings back; None when there is none."""
        with self._session() as session:
            return self._was_live(session)

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
            if held := session.scalar(_open_holds().where(Hold.release == release_id)):
                raise RegistryError(
                    f"{release_id} is paused since {held.since.isoformat()} by {held.who}: {held.reason}"
                )
            hold = Hold(release=release_id, since=at, who=who, reason=reason)
            session.add(hold)
            return hold

    def end_hold(self, release_id: str, at: datetime, who: str, reason: str) -> Hold:
        """Let a held release go on. Raises RegistryError when it is not held."""
        with self._writing.begin() as session:
            hold = session.scalar(_open_holds().where(Hold.release == release_id))
            if hold is None:
                raise RegistryError(f"{release_id} is not paused; `homefeed release list` shows what is")
            hold.ended, hold.ended_by, hold.ended_reason = at, who, reason
            return hold

    def holds(self, release_id: str | None = None) -> list[Hold]:
        """Holds that are in force, oldest first; of one release every hold that there ever was."""
        query = _open_holds() if release_id is None else select(Hold).where(Hold.release == release_id)
        with self._session() as session:
            return list(session.scalars(query.order_by(Hold.id)))

    def note_failure(self, dag: str, task: str, run: str, at: datetime, error: str) -> None:
        """Remember that a task failed for good; a failure of the same task replaces the one before."""
        with self._writing.begin() as session:
            session.merge(Failure(dag=dag, task=task, run=run, at=at, error=error[:2000]))

    def end_failure(self, dag: str, task: str) -> None:
        """The task has succeeded again."""
        with self._writing.begin() as session:
            session.execute(delete(Failure).where(Failure.dag == dag, Failure.task == task))

    def failures(self) -> list[Failure]:
        """Tasks that failed for good and have not succeeded since, oldest first."""
        with self._session() as session:
            return list(session.scalars(select(Failure).order_by(Failure.at)))

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
        with self._writing.begin() as session:
            return self._turn_knob(session, name, value, at, by, reason, release=release, arm=arm, share=share)

    @staticmethod
    def _turn_knob(
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

    def start_experiment(
        self,
        name: str,
        arms: Sequence[ExperimentArm],
        at: datetime,
        by: str,
        reason: str = "",
        *,
        knob: str = "",
        layer: str = "",
    ) -> Experiment:
        """Start an experiment; its arms get their places in the layer, and turn the knob, in one transaction.

        Args:
          name: never used before.
          arms: at least two, the control first; their `start` is chosen here.
          at, by, reason: when, who and why.
          knob: that the arms turn, each to its `value`; its layer is then the knob's own.
          layer: of an experiment that turns no knob.

        Raises:
          ExperimentError: the name is taken, or there are not two arms of different names.
          KnobError: there is no such knob, a value is out of range, or the shares do not fit beside the others.
        """
        if len({arm.name for arm in arms}) < max(2, len(arms)):
            raise ExperimentError(f"experiment {name!r} takes at least two arms, each of its own name")
        where = knob_layer(knob) if knob else f"layer {layer}"
        with self._writing.begin() as session:
            if session.get(Experiment, name) is not None:
                raise ExperimentError(
                    f"there was an experiment {name!r} already; its result is kept, take another name"
                )
            taken = self._taken(session, where)
            placed: list[ExperimentArm] = []
            for arm in arms:
                full = f"{name}/{arm.name}"
                if knob:
                    turn = self._turn_knob(session, knob, arm.value, at, by, reason, arm=full, share=arm.share)
                    session.flush()
                    start = turn.start
                else:
                    start = place(taken, full, arm.share)
                    taken[full] = (start, arm.share)
                placed.append(ExperimentArm(arm.name, start, arm.share, arm.value if knob else None))
            experiment = Experiment(
                name=name,
                layer=where,
                knob=knob,
                arms=[arm.to_dict() for arm in placed],
                started=at,
                started_by=by,
                reason=reason,
            )
            session.add(experiment)
            return experiment

    @staticmethod
    def _taken(session: Session, layer: str) -> dict[str, tuple[float, float]]:
        running = select(Experiment).where(Experiment.layer == layer, Experiment.stopped.is_(None))
        return {
            f"{experiment.name}/{arm.name}": (arm.start, arm.share)
            for experiment in session.scalars(running)
            for arm in experiment.arm_list
        }

    def stop_experiment(self, name: str, at: datetime, by: str, reason: str) -> Experiment:
        """End an experiment: its knob is given back. Raises ExperimentError when it does not run."""
        with self._writing.begin() as session:
            experiment = session.get(Experiment, name)
            if experiment is None or experiment.stopped is not None:
                raise ExperimentError(f"experiment {name!r} does not run; `homefeed experiment list` shows what does")
            held = {turn.arm for turn in _holding(session, experiment.knob)} if experiment.knob else set()
            for arm in experiment.arm_list:
                if (full := f"{name}/{arm.name}") in held:
                    self._turn_knob(session, experiment.knob, None, at, by, reason, arm=full)
            experiment.stopped, experiment.stopped_by, experiment.stopped_reason = at, by, reason
            return experiment

    def experiment(self, name: str) -> Experiment | None:
        """One experiment by its name."""
        with self._session() as session:
            return session.get(Experiment, name)

    def experiments(self, since: datetime | None = None, until: datetime | None = None) -> list[Experiment]:
        """Experiments that ran at some moment from `since` to `until`, oldest first; without times, all of them."""
        query = select(Experiment).order_by(Experiment.started, Experiment.name)
        if since is not None:
            query = query.where(Experiment.stopped.is_(None) | (Experiment.stopped > since))
        if until is not None:
            query = query.where(Experiment.started < until)
        with self._session() as session:
            return list(session.scalars(query))

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


def open_registry(url: str, patience_s: float = 30.0) -> Registry:
    """Open the control state and bring its schema up to date.

    Args:
      url: its SQLAlchemy URL.
      patience_s: how long to wait for a SQLite file that another process has locked.

    Raises:
      RegistryError: it cannot be opened; the message says which and why.
    """
    return Registry(open_engine(url, patience_s))


def _open_holds() -> Select[Hold]:
    return select(Hold).where(Hold.ended.is_(None))
