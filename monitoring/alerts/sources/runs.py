"""What runs beside the service: tasks that failed for good, and the process that watches."""

from datetime import datetime

from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement

#: Name under which `homefeed watch` evaluates the rules.
WATCH = "watch"
SILENT = "watch_silent_s"


def runs(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`failed_tasks` by DAG and task, and `watch_silent_s` once `homefeed watch` has evaluated the rules."""
    found = [
        Measurement("failed_tasks", {"dag": row.dag, "task": row.task}, 1.0, done=f"Run {row.run}: {row.error}"[:1000])
        for row in registry.failures.open()
    ]
    seen = registry.alerts.evaluation(WATCH)
    if seen is not None:
        found.append(Measurement(SILENT, {}, max((now - seen.at).total_seconds(), 0.0)))
    return found
