"""Sources of measurements: each reads one part of the platform. A source that fails leaves its alerts as they are, and
is alerted itself."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.sources.age import ages
from monitoring.alerts.sources.intake import intake
from monitoring.alerts.sources.messages import messages
from monitoring.alerts.sources.quality import quality
from monitoring.alerts.sources.releases import releases
from monitoring.alerts.sources.runs import SILENT, runs
from monitoring.alerts.sources.service import service
from monitoring.alerts.sources.skew import skew

_logger = logging.getLogger(__name__)
Read = Callable[[Settings, Registry, datetime], list[Measurement]]


@dataclass(frozen=True)
class Source:
    """One part of the platform: how it is read, and the names of what is measured there."""

    read: Read
    measures: frozenset[str]


#: Every measure that a rule may name belongs to one source.
SOURCES: Mapping[str, Source] = {
    "freshness": Source(ages, frozenset({"age_s"})),
    "intake": Source(intake, frozenset({"quarantined_share", "duplicate_share", "volume_ratio"})),
    "releases": Source(
        releases,
        frozenset({"without_live", "live_rollbacks", "rejected_in_a_row", "waiting_s", "approvals_asked", "paused_s"}),
    ),
    "quality": Source(quality, frozenset({"miscalibration", "drifted_columns"})),
    "skew": Source(skew, frozenset({"skewed_share"})),
    "runs": Source(runs, frozenset({"failed_tasks", SILENT})),
    "messages": Source(messages, frozenset({"undelivered_s", "refused_messages"})),
    "service": Source(service, frozenset({"unreachable"})),
}
#: Whether a source could be read: 1 for one that could not.
FAILED = "failed_sources"
#: How long the registry could not be used; measured by `homefeed watch` alone, since nothing else is known then.
REGISTRY = "registry_failed_s"


def read(settings: Settings, registry: Registry, now: datetime, sources: Mapping[str, Source] = SOURCES) -> Reading:
    """Ask every source. One that raises makes its measures unknown and `failed_sources` 1 with its name."""
    found: list[Measurement] = []
    unknown: set[str] = {REGISTRY}
    for name, source in sources.items():
        try:
            found += source.read(settings, registry, now)
            error = ""
        except Exception as failure:  # whatever is wrong with one part, the others are still watched
            _logger.exception("the source %s of the alerts cannot be read", name)
            unknown |= source.measures
            error = f"{type(failure).__name__}: {failure}"
        found.append(
            Measurement(FAILED, {"source": name}, float(bool(error)), done=error and f"It said: {error}"[:500])
        )
    return Reading(found, frozenset(unknown))
