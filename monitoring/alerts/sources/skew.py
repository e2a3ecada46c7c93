"""Whether the service ranks by the numbers that training would read."""

from datetime import datetime

from homefeed import windows
from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring import report
from monitoring.alerts.reading import Measurement
from monitoring.gates.shadow import wilson

#: Columns that a message names.
_NAMED = 5
#: Windows of a chart: a day.
_CHARTED = 144


def skew(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`skewed_share`: share of the feature vectors logged in the newest report's window that training would read
    otherwise. No data without `rollout.min_parity_vectors` of them, or when that report is older than
    `alerts.max_report_age_s`; 0 where the share is not surely above `rollout.max_skew_share`."""
    if registry.live() is None:
        return []
    rows = [r for r in registry.reports(report.KIND, limit=_CHARTED) if windows.start(r.window) <= now]
    measured = [(windows.end(r.window), r) for r in reversed(rows) if r.summary.get("skew", {}).get("vectors")]
    history = [(end, r.summary["skew"]["differ"] / r.summary["skew"]["vectors"]) for end, r in measured]
    is_new = bool(rows) and (now - windows.end(rows[0].window)).total_seconds() <= settings.alerts.max_report_age_s
    found = rows[0].summary.get("skew", {}) if is_new else {}
    if found.get("vectors", 0) < settings.rollout.min_parity_vectors:
        return [Measurement("skewed_share", {}, None, history=history)]
    share, low, _ = wilson(found["differ"], found["vectors"])
    named = ", ".join(f"{name} ({num})" for name, num in list(found["columns"].items())[:_NAMED])
    affected = f"{share:.1%} of what pages are ranked by: {named}." if named else ""
    value = share if low > settings.rollout.max_skew_share else 0.0
    return [Measurement("skewed_share", {}, value, affected, "", rows[0].path, history)]
