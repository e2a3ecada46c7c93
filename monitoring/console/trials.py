"""Experiments and knobs: what is tried on whom, and what was turned for everyone."""

from html import escape

from homefeed.knobs import KNOBS
from homefeed.registry import Experiment, KnobTurn, Report
from monitoring.console.desk import Desk
from monitoring.console.markup import badge, link, moment, nothing, table

#: Experiments that are shown: those that run, and the newest that were stopped.
_MOST = 20


def trials(desk: Desk) -> str:
    """Every experiment with its newest result, and every knob as it stands for everyone, each release and each arm."""
    rows = [row for name in KNOBS for row in _knob(desk, name)]
    head = ("knob", "value", "for", "since", "by", "why")
    return _experiments(desk) + table("Knobs as they stand; `homefeed knob set` turns one", head, rows)


def _experiments(desk: Desk) -> str:
    found = sorted(desk.registry.experiments.between(), key=lambda e: (e.stopped is not None, -e.started.timestamp()))
    if not found:
        return nothing("Nothing was tried yet: `homefeed experiment start` tries a knob or two releases on viewers.")
    results = {report.release: report for report in reversed(desk.registry.reports("experiment", limit=1000))}
    head = ("experiment", "what", "viewers", "since", "", "newest result")
    caption = "Experiments; `homefeed experiment show NAME` reads one anew"
    return table(caption, head, [_experiment(desk, e, results.get(e.name)) for e in found[:_MOST]])


def _experiment(desk: Desk, experiment: Experiment, report: Report | None) -> list[str]:
    what = " against ".join(experiment.releases) or experiment.layer
    arms = ", ".join(f"{arm.name} {arm.share:.1%}" for arm in experiment.arm_list)
    state = f"stopped {moment(experiment.stopped, desk.now)}" if experiment.stopped else badge("running")
    said = link(desk.report_url(report.path), _result(report)) if report else "not read yet"
    return [escape(experiment.name), escape(what), escape(arms), moment(experiment.started, desk.now), state, said]


def _result(report: Report) -> str:
    summary = report.summary
    if summary["is_void"]:
        return "void: the assignment is broken"
    if "winner" in summary:
        return f"{summary['winner']} is better" if summary["winner"] else "undecided"
    decided = [f"{e['arm']} is {e['verdict']} in {e['metric']}" for e in summary["effects"]]
    return "; ".join(words for words in decided if " undecided " not in words) or "undecided"


def _knob(desk: Desk, name: str) -> list[list[str]]:
    known, turns = KNOBS[name], desk.registry.knobs.holding(name)
    rows = [_turn(desk, turn) for turn in turns]
    if any(not turn.release and not turn.arm for turn in turns):
        return rows
    own = getattr(getattr(desk.settings, known.group), known.name)
    return [[escape(name), f"{own:g}", "everyone", "", "settings", escape(known.meaning)], *rows]


def _turn(desk: Desk, turn: KnobTurn) -> list[str]:
    whom = "everyone"
    if turn.arm:
        whom = f"arm {turn.arm}, {turn.share:.1%} of the viewers"
    elif turn.release:
        whom = f"release {turn.release}"
    value = "given back" if turn.value is None else f"{turn.value:g}"
    return [escape(turn.name), value, escape(whom), moment(turn.at, desk.now), escape(turn.by), escape(turn.reason)]
