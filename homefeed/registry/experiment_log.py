"""Experiments, from their start to their end, in the control state."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from homefeed.experiments import INTERLEAVED, INTERLEAVING, ExperimentArm, ExperimentError, knob_layer
from homefeed.knobs import place
from homefeed.registry.knob_turns import held_in, turn_in
from homefeed.registry.tables import Experiment, Release, Stage, Transition


class ExperimentLog:
    """What was tried on whom, and since when. Each method is one transaction."""

    def __init__(self, reading: sessionmaker[Session], writing: sessionmaker[Session]) -> None:
        self._session, self._writing = reading, writing

    def start(
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
            _check_new(session, name)
            taken = _taken(session, where)
            placed: list[ExperimentArm] = []
            for arm in arms:
                full = f"{name}/{arm.name}"
                if knob:
                    turn = turn_in(session, knob, arm.value, at, by, reason, arm=full, share=arm.share)
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

    def start_interleaving(
        self, name: str, releases: tuple[str, str], share: float, at: datetime, by: str, reason: str = ""
    ) -> Experiment:
        """Start an interleaving: a share of the viewers gets pages that are drafted from two releases.

        Args:
          name: never used before.
          releases: two that gates let before viewers at some time.
          share: of the viewers; interleavings share them and never meet.
          at, by, reason: when, who and why.

        Raises:
          ExperimentError: the name is taken, the releases are one, or one of them may not be shown.
          KnobError: the share does not fit beside those of the others.
        """
        if releases[0] == releases[1]:
            raise ExperimentError(f"an interleaving takes two releases, not {releases[0]} twice")
        with self._writing.begin() as session:
            _check_new(session, name)
            for release in releases:
                _check_showable(session, release)
            start = place(_taken(session, INTERLEAVING), f"{name}/{INTERLEAVED}", share)
            experiment = Experiment(
                name=name,
                layer=INTERLEAVING,
                releases=list(releases),
                arms=[ExperimentArm(INTERLEAVED, start, share).to_dict()],
                started=at,
                started_by=by,
                reason=reason,
            )
            session.add(experiment)
            return experiment

    def interleavings(self) -> list[Experiment]:
        """Interleavings that run, oldest first."""
        running = select(Experiment).where(Experiment.layer == INTERLEAVING, Experiment.stopped.is_(None))
        with self._session() as session:
            return list(session.scalars(running.order_by(Experiment.started, Experiment.name)))

    def stop(self, name: str, at: datetime, by: str, reason: str) -> Experiment:
        """End an experiment: its knob is given back. Raises ExperimentError when it does not run."""
        with self._writing.begin() as session:
            experiment = session.get(Experiment, name)
            if experiment is None or experiment.stopped is not None:
                raise ExperimentError(f"experiment {name!r} does not run; `homefeed experiment list` shows what does")
            held = {turn.arm for turn in held_in(session, experiment.knob)} if experiment.knob else set()
            for arm in experiment.arm_list:
                if (full := f"{name}/{arm.name}") in held:
                    turn_in(session, experiment.knob, None, at, by, reason, arm=full)
            experiment.stopped, experiment.stopped_by, experiment.stopped_reason = at, by, reason
            return experiment

    def named(self, name: str) -> Experiment | None:
        """One experiment by its name."""
        with self._session() as session:
            return session.get(Experiment, name)

    def between(self, since: datetime | None = None, until: datetime | None = None) -> list[Experiment]:
        """Experiments that ran at some moment from `since` to `until`, oldest first; without times, all of them."""
        query = select(Experiment).order_by(Experiment.started, Experiment.name)
        if since is not None:
            query = query.where(Experiment.stopped.is_(None) | (Experiment.stopped > since))
        if until is not None:
            query = query.where(Experiment.started < until)
        with self._session() as session:
            return list(session.scalars(query))


def _taken(session: Session, layer: str) -> dict[str, tuple[float, float]]:
    running = select(Experiment).where(Experiment.layer == layer, Experiment.stopped.is_(None))
    return {
        f"{experiment.name}/{arm.name}": (arm.start, arm.share)
        for experiment in session.scalars(running)
        for arm in experiment.arm_list
    }


def _check_new(session: Session, name: str) -> None:
    if session.get(Experiment, name) is not None:
        raise ExperimentError(f"there was an experiment {name!r} already; its result is kept, take another name")


def _check_showable(session: Session, release: str) -> None:
    found = session.get(Release, release)
    if found is None:
        raise ExperimentError(f"there is no release {release!r}; `homefeed release list` names them")
    shown = (Stage.CANARY, Stage.RAMP, Stage.LIVE)
    let = select(Transition.id).where(Transition.release == release, Transition.to_stage.in_(shown)).limit(1)
    if found.stage == Stage.ROLLED_BACK or session.scalar(let) is None:
        raise ExperimentError(
            f"{release} is {found.stage}: only a release that the gates let before viewers, and that was not rolled "
            "back, can be interleaved"
        )
