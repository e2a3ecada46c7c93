"""Experiments and knobs: what is tried on whom, and what was turned for everyone."""

from html import escape

from homefeed.knobs import KNOBS
from homefeed.registry import KnobTurn
from monitoring.console.desk import Desk
from monitoring.console.markup import link, moment, nothing, table

#: Kind of the reports that an experiment writes.
_REPORT = "experiment"


def trials(desk: Desk) -> str:
    """Every knob as it stands for everyone, each release and each arm, and the results of experiments."""
    rows = [row for name in KNOBS for row in _knob(desk, name)]
    head = ("knob", "value", "for", "since", "by", "why")
    results = desk.registry.reports(_REPORT, limit=20)
    lines = "".join(f"<li>{link(desk.report_url(r.path), f'{r.window} {r.release}')}</li>" for r in results)
    found = f"<ul>{lines}</ul>" if results else nothing("No experiment has a result yet.")
    return table("Knobs as they stand; `homefeed knob set` turns one", head, rows) + f"<h3>Results</h3>{found}"


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
