"""`homefeed knob`: what can be turned while the service runs, for everyone, for a release or for an arm of viewers."""

import getpass
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit

app = typer.Typer(no_args_is_help=True)
_Name = Annotated[str, typer.Argument(help="The knob, such as `exploration`.")]
_Release = Annotated[str, typer.Option("--release", help="Only for the viewers that this release answers.")]
_Arm = Annotated[str, typer.Option("--arm", help="Only for the viewers of this experiment.")]
_By = Annotated[str, typer.Option("--by", help="Who turns it; default the user of this machine.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why, for those who ask later.")]


@app.callback()
def knob() -> None:
    """Turn a knob of the running service; it follows within `serving.poll_s`, without a restart.

    Example: homefeed knob set exploration 0.2 --reason "more new channels this week"
    """


@app.command("list")
def list_knobs(as_json: AsJson = False, out: OutFile = None) -> None:
    """Show every knob and where it stands.

    Example: homefeed knob list
    """
    from homefeed.registry import open_registry
    from homefeed.settings import load

    settings = load()
    rows = knob_rows(settings, open_registry(settings.resolved_registry_url))
    emit({"knobs": rows}, as_json, knob_table(rows), out)


@app.command("get")
def get_knob(name: _Name, as_json: AsJson = False, out: OutFile = None) -> None:
    """Show where a knob stands and its newest turns: who, when and why.

    Example: homefeed knob get exploration
    """
    from rich.console import Group
    from rich.table import Table

    from homefeed.knobs import turnable
    from homefeed.registry import open_registry
    from homefeed.settings import load

    turnable(name)
    settings = load()
    registry = open_registry(settings.resolved_registry_url)
    rows = [row for row in knob_rows(settings, registry) if row["knob"] == name]
    turns = [_turn(turn) for turn in registry.knobs.newest(name)]
    table = Table("at", "value", "for", "by", "why", title="turns, the newest first")
    for turn in turns:
        table.add_row(turn["at"], _shown(turn["value"]), _whom(turn), turn["by"], turn["reason"])
    emit({"knobs": rows, "turns": turns}, as_json, Group(knob_table(rows), table), out)


@app.command("set")
def set_knob(
    name: _Name,
    value: Annotated[float, typer.Argument(help="The new value.")],
    *,
    release: _Release = "",
    arm: _Arm = "",
    share: Annotated[
        float | None, typer.Option("--share", help="Share of the viewers in the arm, by a hash of their id.")
    ] = None,
    by: _By = "",
    reason: _Reason = "",
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Turn a knob.

    Example: homefeed knob set exploration 0.3 --share 0.1 --arm more-new
    """
    from homefeed.knobs import KnobError

    if release and arm:
        raise KnobError("a value is for a release or for an arm: leave out --release or --arm")
    if (share is None) != (not arm):
        raise KnobError("an arm has a name and a share of the viewers: give --arm NAME and --share 0.1, or neither")
    _turn_to(name, value, release, arm, share=1.0 if share is None else share, by=by, reason=reason)
    get_knob(name, as_json, out)


@app.command("unset")
def unset_knob(
    name: _Name,
    *,
    release: _Release = "",
    arm: _Arm = "",
    by: _By = "",
    reason: _Reason = "",
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Give a knob back to the settings, or end its value for a release or an arm.

    Example: homefeed knob unset exploration --arm more-new
    """
    _turn_to(name, None, release, arm, share=1.0, by=by, reason=reason)
    get_knob(name, as_json, out)


def _turn_to(name: str, value: float | None, release: str, arm: str, *, share: float, by: str, reason: str) -> None:
    from homefeed.clock import clock
    from homefeed.registry import open_registry
    from homefeed.settings import load

    settings = load()
    registry, now = open_registry(settings.resolved_registry_url), clock(settings.clock_file)()
    who = by or getpass.getuser()
    registry.knobs.turn(name, value, now, who, reason, release=release, arm=arm, share=share)


def knob_rows(settings: Any, registry: Any) -> list[dict[str, Any]]:
    """One row for each knob as it stands for everyone, each release and each arm."""
    from homefeed.knobs import KNOBS

    rows = []
    for name, known in KNOBS.items():
        turns = [_turn(turn) for turn in registry.knobs.holding(name)]
        own = getattr(getattr(settings, known.group), known.name)
        if not any(not turn["release"] and not turn["arm"] for turn in turns):
            turns.insert(
                0, {"value": own, "release": "", "arm": "", "share": 1.0, "at": "", "by": "settings", "reason": ""}
            )
        rows += [{"knob": name, **turn} for turn in turns]
    return rows


def knob_table(rows: list[dict[str, Any]]) -> Any:
    """The rows for people."""
    from rich.table import Table

    table = Table("knob", "value", "for", "since", "by", "why")
    for row in rows:
        table.add_row(row["knob"], _shown(row["value"]), _whom(row), row["at"], row["by"], row["reason"])
    return table


def _turn(turn: Any) -> dict[str, Any]:
    names = ("value", "release", "arm", "share", "by", "reason")
    return {name: getattr(turn, name) for name in names} | {"at": turn.at.isoformat(timespec="seconds")}


def _shown(value: float | None) -> str:
    return "given back" if value is None else f"{value:g}"


def _whom(turn: dict[str, Any]) -> str:
    if turn["arm"]:
        return f"arm {turn['arm']}" + (f", {turn['share']:.1%} of the viewers" if turn["value"] is not None else "")
    return f"release {turn['release']}" if turn["release"] else "everyone"
