"""`homefeed import`: a public log, or a site's own history, into the event log."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit, progress
from homefeed.errors import HomefeedError


class EndError(HomefeedError):
    """`--end` is not a time."""


def command(
    fmt: Annotated[
        str,
        typer.Argument(metavar="FORMAT", help="movielens-100k, movielens-1m, movielens or events.", show_default=False),
    ],
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Folder of the log; for events also a single file.", show_default=False),
    ],
    end: Annotated[str, typer.Option(help="When a rating log ends: `now`, or ISO 8601 with an offset.")] = "now",
    days: Annotated[float | None, typer.Option(help="Days that a rating log is scaled onto; 2 when not given.")] = None,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Import a log into the event log. `homefeed run` and the DAG `bootstrap` take it from there.

    Example: homefeed import movielens-100k ../shared/data/ml-100k --end now --days 2
    """
    from homefeed.clock import clock
    from homefeed.importers import import_log
    from homefeed.settings import load

    settings = load()
    with progress(f"import {fmt}", total=1, as_json=as_json) as bar:
        report = import_log(settings, fmt, path, _time(end, clock(settings.clock_file)()), days)
        bar.advance(bar.task_ids[0])
    value = {
        "format": report.format,
        "events": report.events,
        "synthesised": report.synthesised,
        "first": report.first,
        "last": report.last,
        "rules": list(report.rules),
        "log": str(settings.events_path),
    }
    emit(value, as_json, _text(value), out)


def _time(text: str, now: datetime) -> datetime:
    if text == "now":
        return now
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise EndError(_wrong_end(text)) from error
    if time.tzinfo is None:
        raise EndError(_wrong_end(text))
    return time.astimezone(UTC)


def _wrong_end(text: str) -> str:
    return f"--end {text!r} is neither `now` nor a time with an offset such as 2026-11-23T22:00:00Z"


def _text(value: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    counts = Table("event", "number", title=f"{value['format']}: {value['first']} to {value['last']}")
    for name, number in value["events"].items():
        made_up = " (synthesised)" if name == "impression" and value["synthesised"] else ""
        counts.add_row(name, f"{number:,}{made_up}")
    return Group(counts, f"written to {value['log']}", *(f"- {rule}" for rule in value["rules"]))
