"""`homefeed status`: what is live, how fresh each table is, what ran last."""

from datetime import datetime
from typing import Any

from homefeed import windows
from homefeed.cli.output import AsJson, OutFile, emit


def status(as_json: AsJson = False, out: OutFile = None) -> None:
    """Show the live release, releases in rollout, the freshness of each table and the newest reports.

    Example: homefeed status --json
    """
    from homefeed.clock import clock
    from homefeed.settings import load

    settings = load()
    value = state(settings, clock(settings.clock_file)())
    emit(value, as_json, _tables(value), out)


def state(settings: Any, now: datetime) -> dict[str, Any]:
    """The state as plain values; `freshness_s` is the age of the end of the newest window of a table."""
    from homefeed.cli.knob import knob_rows
    from homefeed.lake import open_lake
    from homefeed.registry import open_registry

    lake, registry = open_lake(settings.lake_path), open_registry(settings.resolved_registry_url)
    tables = []
    for name in lake.schemas:
        newest = max(lake.windows(name), default=None)
        freshness_s = (now - windows.end(newest)).total_seconds() if newest else None
        tables.append(
            {"table": name, "version": lake.version(name), "newest_window": newest, "freshness_s": freshness_s}
        )
    live = registry.live()
    return {
        "live": live.id if live else None,
        "releases": [
            {"id": r.id, "stage": r.stage, "since": r.stage_since.isoformat()} for r in reversed(registry.releases())
        ],
        "knobs": knob_rows(settings, registry),
        "ingested_until": registry.watermark(),
        "tables": tables,
        "reports": [
            {"kind": r.kind, "window": r.window, "release": r.release, "path": r.path}
            for r in registry.reports(limit=10)
        ],
    }


def _tables(value: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    from homefeed.cli.knob import knob_table

    releases = Table("release", "stage", "since", title=f"live: {value['live'] or 'nothing yet'}")
    for release in value["releases"][:10]:
        releases.add_row(release["id"], release["stage"], release["since"])
    tables = Table(
        "table", "version", "newest window", "freshness [min]", title=f"ingested until: {value['ingested_until']}"
    )
    for row in value["tables"]:
        age = "" if row["freshness_s"] is None else f"{row['freshness_s'] / 60:.0f}"
        tables.add_row(row["table"], str(row["version"]), row["newest_window"] or "empty", age)
    reports = Table("report", "window", "release", "path")
    for row in value["reports"]:
        reports.add_row(row["kind"], row["window"], row["release"], row["path"])
    return Group(releases, knob_table(value["knobs"]), tables, reports)
