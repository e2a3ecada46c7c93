"""Knobs of the event log and of ingestion."""

from homefeed.settings.group import Group, knob


class IngestSettings(Group):
    """Event log and ingestion."""

    max_future_s: float = knob(
        300.0, "An event this far ahead of its arrival is quarantined: the sender's clock is wrong.", "s", ge=0
    )
    max_late_days: float = knob(
        3650.0, "An event this long before its arrival is quarantined: the sender's clock is wrong.", "days", gt=0
    )
    dedup_horizon_windows: int = knob(
        144, "How far around a batch an `event_id` is looked for among events already ingested.", "windows", ge=0
    )
    max_watch_s: float = knob(86_400.0, "A watch longer than this is quarantined.", "s", gt=0)
    batch_mib: float = knob(
        512.0, "Files of this size together are ingested in one go; more takes more memory.", "MiB", gt=0
    )
    memory_mib: float = knob(
        6144.0, "Memory that sorting and deduplication use before they spill to `var/spill`.", "MiB", gt=0
    )
