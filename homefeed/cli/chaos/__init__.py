"""`homefeed chaos`: faults seeded in a running platform, and which gate stops each of them."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit


def chaos(
    fault: Annotated[list[str] | None, typer.Option(help="Only this fault or control; may be given again.")] = None,
    unchanged: Annotated[
        int,
        typer.Option(min=0, help="Judge so many releases that change nothing by the fixed gates, instead of faults."),
    ] = 0,
    rollouts: Annotated[
        int, typer.Option(min=0, help="Bring so many releases that change nothing through a rollout.")
    ] = 0,
    home: Annotated[
        Path | None, typer.Option(help="Keep the platform here, and use the one that is there; else it is deleted.")
    ] = None,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Seed faults in a platform made for it, and say which gate stopped each, where, and after how many exposures.

    The exit code is 1 when a fault got past its gate, when something that is no fault was stopped, or when surely more
    of the releases that change nothing were stopped than may be.

    Example: homefeed chaos --fault watched-less --home var-chaos --json
    """
    from homefeed.cli.chaos.platform import ChaosError
    from homefeed.cli.chaos.suite import chosen
    from homefeed.cli.chaos.table import table

    faults = [] if (unchanged or rollouts) and not fault else chosen(fault or [])
    if home is not None and home.exists() and any(home.iterdir()) and not (home / "ready").exists():
        raise ChaosError(f"{home} holds no platform that is ready; --home names a new folder, or one of an earlier run")
    folder = Path(tempfile.mkdtemp(prefix="homefeed-chaos-")) if home is None else home
    try:
        value = _run(folder.absolute(), faults, unchanged, rollouts, as_json)
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    emit(value, as_json, table(value), out)
    if value["failures"]:
        raise typer.Exit(1)


def _run(home: Path, faults: Any, number: int, num_rollouts: int, as_json: bool) -> dict[str, Any]:
    from rich.console import Console

    from homefeed.cli.chaos.platform import made
    from homefeed.cli.chaos.suite import run_faults
    from homefeed.cli.chaos.unchanged import unchanged_releases, unchanged_rollouts

    began, console = time.monotonic(), Console(stderr=True, quiet=as_json)

    def told(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:4.0f} s[/dim]  {what} ...", highlight=False)

    home.mkdir(parents=True, exist_ok=True)
    platform = made(home, told)
    rows = run_faults(platform, faults, home, told)
    unchanged = unchanged_releases(platform, number, home, told) if number else None
    rollouts = unchanged_rollouts(platform, num_rollouts, home, told) if num_rollouts else None
    return {
        "faults": rows,
        "unchanged": unchanged,
        "rollouts": rollouts,
        "failures": [*failures(rows), *too_many(unchanged, rollouts, platform.settings.rollout.false_alarm)],
        "seconds": round(time.monotonic() - began, 1),
    }


def failures(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each fault that got past its gate, and for each control that was stopped."""
    found = []
    for row in rows:
        if row["error"]:
            found.append(f"{row['fault']} could not be seeded: {row['error']}")
        elif not row["stopped"]:
            checks = ", ".join(f"{name} {verdict}" for name, verdict in row["checks"].items()) or "no check"
            meant = f"{row['gate']} was to stop it" if row["gate"] else "it is no fault"
            found.append(f"{row['fault']} ended in {row['stage']} with {checks}: {meant}")
    return found


def too_many(unchanged: dict[str, Any] | None, rollouts: dict[str, Any] | None, false_alarm: float) -> list[str]:
    """One line where surely more unchanged releases were stopped than may be: by fixed gates, and in rollouts."""
    from homefeed.cli.chaos.unchanged import MOST_BLOCKED

    found = []
    for judged, stopped, most in ((unchanged, "blocked", MOST_BLOCKED), (rollouts, "aborted", false_alarm)):
        if judged and judged["interval"][0] > most:
            share = f"{judged[stopped]} of {judged['releases']} unchanged releases"
            found.append(f"{share} were {stopped}, where {most:.0%} may be")
    return found
