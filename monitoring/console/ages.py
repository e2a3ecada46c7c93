"""How fresh everything is that the platform makes again and again."""

from html import escape

from homefeed.lake import Lake, open_lake
from monitoring.alerts.message import quantity
from monitoring.console.desk import Desk
from monitoring.console.markup import moment, nothing, table
from monitoring.freshness import Freshness, freshness

_HEAD = ("what", "kind", "newest", "freshness", "version")


def ages(desk: Desk) -> str:
    """One row for each table, the snapshot, the live release and the newest bundle. An alert says what is too old."""
    lake = open_lake(desk.settings.lake_path)
    rows = [
        [
            escape(found.name),
            escape(found.kind),
            moment(found.newest, desk.now) if found.newest else "nothing yet",
            "-" if found.age_s is None else quantity(found.age_s, "s"),
            _version(lake, found),
        ]
        for found in freshness(desk.settings, desk.registry, desk.now)
    ]
    words = "" if desk.registry.first_live_at() else nothing("Nothing was live yet, so nothing is late.")
    return words + table("Age of the newest of everything", _HEAD, rows)


def _version(lake: Lake, found: Freshness) -> str:
    """Of a table that anything was ever committed to."""
    version = lake.version(found.name) if found.kind == "table" else -1
    return f"{version:,}" if version >= 0 else ""
