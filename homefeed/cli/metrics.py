"""`homefeed metrics`: what viewers did with the pages of each release and arm, with intervals over viewers."""

from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit
from homefeed.errors import HomefeedError


class MetricsError(HomefeedError):
    """There are no metrics as asked for; the message says why."""


def command(
    window: Annotated[str, typer.Option(help="The window; by default the newest that was measured.")] = "",
    release: Annotated[str, typer.Option(help="Only this release.")] = "",
    arm: Annotated[str, typer.Option(help="Only this arm, as EXPERIMENT/ARM.")] = "",
    slice_name: Annotated[
        str, typer.Option("--slice", help="Slice, such as `device=tv`, `country=NO`, `viewer=new`; empty takes all.")
    ] = "all",
    num_windows: Annotated[int, typer.Option("--windows", min=1, help="So many windows, taken together.")] = 1,
    *,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """What viewers did with the pages of each release and arm, with intervals over viewers.

    Example: homefeed metrics --windows 144
    """
    from homefeed import windows
    from homefeed.lake import open_lake
    from homefeed.settings import load
    from monitoring.online.history import online_metrics, together
    from monitoring.online.metrics import MEANING

    settings = load()
    measured = open_lake(settings.lake_path).windows("online_metrics")
    if not measured:
        raise MetricsError(
            "no window was measured yet: table online_metrics is filled by the DAG `monitor_release`, once a release "
            "is live"
        )
    last = window or measured[-1]
    first = windows.shift(last, 1 - num_windows)
    rows = together(online_metrics(settings, first, last, release=release, arm=arm, slice_name=slice_name)).to_pylist()
    if not rows:
        raise MetricsError(
            f"nothing was measured in {first}..{last} for what was asked; there are {measured[0]}..{measured[-1]}"
        )
    emit({"windows": [first, last], "meaning": MEANING, "metrics": rows}, as_json, _table(rows, first, last), out)


def _table(rows: list[dict[str, Any]], first: str, last: str) -> Any:
    from rich.table import Table

    table = Table("of", "slice", "metric", "value", "interval", "viewers", title=f"{first} to {last}")
    for row in rows:
        interval = "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}"
        value = "n/a" if row["value"] is None else f"{row['value']:.4g}"
        of = row["arm"] or row["release"] or "no release"
        table.add_row(of, row["slice"], row["metric"], value, interval, f"{row['num_viewers']:,}")
    return table
