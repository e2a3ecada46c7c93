"""`homefeed experiment`: start, stop, list and read experiments with viewers."""

import getpass
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit

app = typer.Typer(no_args_is_help=True)
_Name = Annotated[str, typer.Argument(help="The experiment; `homefeed experiment list` names them.")]
_By = Annotated[str, typer.Option("--by", help="Who does it; default the user of this machine.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why, for those who ask later.")]


@app.callback()
def experiment() -> None:
    """Try something on a share of the viewers, and read what it did to them.

    Example: homefeed experiment list
    """


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="A name that was never used.")],
    arm: Annotated[
        list[str] | None,
        typer.Option("--arm", help="NAME=VALUE of the knob, or NAME alone without a knob; the control first."),
    ] = None,
    *,
    share: Annotated[float, typer.Option("--share", help="Share of the viewers in each arm, by a hash of their key.")],
    knob: Annotated[str, typer.Option("--knob", help="The knob that the arms turn, such as `exploration`.")] = "",
    layer: Annotated[str, typer.Option("--layer", help="Without a knob: the layer, by any name.")] = "",
    interleave: Annotated[
        list[str] | None,
        typer.Option("--interleave", help="In place of arms: a release whose picks are mixed with live's, or two."),
    ] = None,
    by: _By = "",
    reason: _Reason = "",
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Start an experiment; the service follows within `serving.poll_s`.

    Example: homefeed experiment start more-new --knob exploration --share 0.1 --arm control=0.1 --arm more=0.2
    """
    from homefeed.clock import clock
    from homefeed.experiments import ExperimentError
    from homefeed.registry import open_registry
    from homefeed.settings import load

    if [bool(knob), bool(layer), bool(interleave)].count(True) != 1:
        raise ExperimentError(
            "an experiment turns a knob, is in a layer of its own, or interleaves releases: give one of --knob, "
            "--layer and --interleave"
        )
    settings = load()
    registry, now, who = open_registry(settings.resolved_registry_url), clock(settings.clock_file)(), _who(by)
    if interleave:
        if arm:
            raise ExperimentError("interleaved releases are compared on the same pages: there are no arms to give")
        pair = _pair(registry, interleave)
        started = registry.experiments.start_interleaving(name, pair, share, now, who, reason)
    else:
        arms = [_arm(text, share, bool(knob)) for text in arm or []]
        started = registry.experiments.start(name, arms, now, who, reason, knob=knob, layer=layer)
    emit(_row(started), as_json, _list_table([_row(started)]), out)


@app.command()
def stop(
    name: _Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who ask later.")],
    by: _By = "",
    *,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Stop an experiment: its viewers get what everyone gets; its result stays.

    Example: homefeed experiment stop more-new --reason "watch time fell"
    """
    from homefeed.clock import clock
    from homefeed.registry import open_registry
    from homefeed.settings import load

    settings = load()
    registry, now = open_registry(settings.resolved_registry_url), clock(settings.clock_file)()
    stopped = registry.experiments.stop(name, now, _who(by), reason)
    emit(_row(stopped), as_json, _list_table([_row(stopped)]), out)


@app.command("list")
def list_(as_json: AsJson = False, out: OutFile = None) -> None:
    """Every experiment, the newest first.

    Example: homefeed experiment list
    """
    from homefeed.registry import open_registry
    from homefeed.settings import load

    rows = [_row(found) for found in reversed(open_registry(load().resolved_registry_url).experiments.between())]
    emit({"experiments": rows}, as_json, _list_table(rows), out)


@app.command()
def show(name: _Name, as_json: AsJson = False, out: OutFile = None) -> None:
    """Read an experiment as its data stand, and write its result page.

    Example: homefeed experiment show more-new
    """
    from rich.console import Group

    from homefeed.clock import clock
    from homefeed.experiments import ExperimentError
    from homefeed.registry import open_registry
    from homefeed.settings import load
    from monitoring.experiments.interleaving import read_interleaving
    from monitoring.experiments.page import write_page
    from monitoring.experiments.preference import result
    from monitoring.experiments.reading import read_experiment

    settings = load()
    registry = open_registry(settings.resolved_registry_url)
    found = registry.experiments.named(name)
    if found is None:
        raise ExperimentError(f"there is no experiment {name!r}; `homefeed experiment list` names them")
    now, said = clock(settings.clock_file)(), _list_table([_row(found)])
    if found.releases:
        drafted = read_interleaving(settings, found, now)
        path, value = write_page(settings, registry, found, drafted), drafted.to_dict()
        shown = Group(said, _picks(drafted), result(drafted), f"page: {path}")
    else:
        reading = read_experiment(settings, found, now)
        path, value = write_page(settings, registry, found, reading), reading.to_dict()
        void = "VOID: the assignment is broken, believe no effect" if reading.is_void else ""
        shown = Group(said, void, _effects(reading), f"page: {path}")
    emit(_row(found) | {"reading": value, "page": str(path)}, as_json, shown, out)


def _who(by: str) -> str:
    return by or getpass.getuser()


def _pair(registry: Any, named: list[str]) -> tuple[str, str]:
    """The two releases of an interleaving: those that are named, or the live one and the one that is."""
    from homefeed.experiments import ExperimentError

    if len(named) > 2:
        raise ExperimentError(f"an interleaving takes two releases, not {len(named)}")
    live = registry.live()
    if len(named) == 1 and live is None:
        raise ExperimentError("no release is live to compare with; give --interleave twice, once for each release")
    return (named[0], named[1]) if len(named) == 2 else (live.id, named[0])


def _arm(text: str, share: float, has_knob: bool) -> Any:
    from homefeed.experiments import ExperimentArm, ExperimentError

    name, equals, value = text.partition("=")
    try:
        number = float(value) if equals else None
    except ValueError:
        raise ExperimentError(f"--arm {text}: {value!r} is not a number; write --arm NAME=0.2") from None
    if not name or (number is None) == has_knob:
        raise ExperimentError(f"--arm {text}: with a knob write --arm NAME=VALUE, without one --arm NAME")
    return ExperimentArm(name, 0.0, share, number)


def _row(found: Any) -> dict[str, Any]:
    names = ("name", "layer", "knob", "releases", "arms", "started_by", "reason", "stopped_by", "stopped_reason")
    times = {name: getattr(found, name) for name in ("started", "stopped")}
    shown = {name: None if time is None else time.isoformat(timespec="seconds") for name, time in times.items()}
    return {name: getattr(found, name) for name in names} | shown


def _list_table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("experiment", "layer", "arms", "started", "stopped", "by", "why")
    for row in rows:
        arms = " + ".join(row["releases"]) + " " * bool(row["releases"]) + ", ".join(map(_shown, row["arms"]))
        why = row["stopped_reason"] or row["reason"]
        table.add_row(row["name"], row["layer"], arms, row["started"], row["stopped"] or "", row["started_by"], why)
    return table


def _shown(arm: dict[str, Any]) -> str:
    value = "" if arm["value"] is None else f"={arm['value']:g}"
    return f"{arm['name']}{value} ({arm['share']:.1%})"


def _effects(reading: Any) -> Any:
    from rich.table import Table

    table = Table("arm", "metric", "control", "arm's", "difference", "interval", "viewers", "result")
    for effect in reading.effects:
        middle, low, high = (bounds[-1] for bounds in (effect.relative, effect.low, effect.high))
        between = "" if low is None or high is None else f"{low:+.2%} to {high:+.2%}"
        values = ["n/a" if value is None else f"{value:.4g}" for value in (effect.control, effect.treated)]
        shown = "too few viewers" if middle is None else f"{middle:+.2%}"
        table.add_row(effect.arm, effect.metric, *values, shown, between, f"{effect.num_viewers:,}", effect.verdict)
    return table


def _picks(reading: Any) -> Any:
    from rich.table import Table

    table = Table("release", "picks on screen", "watched", title=f"{reading.num_viewers:,} viewers")
    for release, shown, watched in zip(reading.releases, reading.shown, reading.watched, strict=True):
        table.add_row(release, f"{shown:,}", f"{watched:,}")
    return table
