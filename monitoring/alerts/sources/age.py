"""How old everything is that the platform makes again and again."""

from datetime import datetime

from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement
from monitoring.freshness import freshness


def ages(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`age_s` of each table, the snapshot, the live release and the newest bundle; labels `kind` and `name`."""
    return [
        Measurement("age_s", {"kind": thing.kind, "name": thing.name}, thing.age_s)
        for thing in freshness(settings, registry, now)
    ]
