"""`homefeed status`: what is live, what fires, how fresh each table is, what ran last."""

from datetime import datetime
from typing import Any

from homefeed import windows
from homefeed.cli.output import AsJson, OutFile, emit


def status(as_json: AsJson = False, out: OutFile = None) -> None:
    """Show the live release, releases in rollout, alerts that fire, the freshness of each table and the newest reports.

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
    from homefeed.registry import AlertState, open_registry

    lake, registry = open_lake(settings.lake_path), open_registry(settings.resolved_registry_url)
    tables = []
    for name in lake.schemas:
        newest = max(lake.windows(name), default=None)
        freshness_s = (now - windows.end(newest)).total_seconds() if newest else None
        tables.append(
            {"table": name, "version": lake.version(name), "newest_window": newest, "freshness_s": freshness_s}
        )
    live, seen = registry.live(), registry.alerts.evaluation()
    return {
        "live": live.id if live else None,
        "alerts": [
            {
                "id": alert.id,
                "rule": alert.rule,
                "labels": alert.labels,
                "severity": alert.severity,
                "fired": alert.fired.isoformat() if alert.fired else None,
                "summary": alert.content["summary"],
                "runbook": alert.content["runbook"],
            }
            for alert in registry.alerts.open()
            if alert.state == AlertState.FIRING
        ],
        "alerts_evaluated": seen.at.isoformat() if seen else None,
        "paused": {hold.release: f"{hold.who}: {hold.reason}" for hold in registry.holds()},
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
    from rich.text import Text

    from homefeed.cli.knob import knob_table

    evaluated = value["alerts_evaluated"]
    title = f"alerts of {evaluated[:19]}" if evaluated else "alerts: never evaluated; `homefeed watch` does"
    alerts = Table("alert", "severity", "what", "since", "do", title=title)
    for alert in value["alerts"]:
        style = "bold red" if alert["severity"] == "page" else ""
        what, do = Text(alert["summary"], style=style), Text(alert["runbook"])
        alerts.add_row(str(alert["id"]), alert["severity"], what, (alert["fired"] or "")[:16], do)
    releases = Table("release", "stage", "since", "paused", title=f"live: {value['live'] or 'nothing yet'}")
    for release in value["releases"][:10]:
        paused = Text(value["paused"].get(release["id"], ""))
        releases.add_row(release["id"], release["stage"], release["since"], paused)
    tables = Table(
        "table", "version", "newest window", "freshness [min]", title=f"ingested until: {value['ingested_until']}"
    )
    for row in value["tables"]:
        age = "" if row["freshness_s"] is None else f"{row['freshness_s'] / 60:.0f}"
        tables.add_row(row["table"], str(row["version"]), row["newest_window"] or "empty", age)
    reports = Table("report", "window", "release", "path")
    for row in value["reports"]:
        reports.add_row(row["kind"], row["window"], row["release"], row["path"])
    return Group(alerts, releases, knob_table(value["knobs"]), tables, reports)
