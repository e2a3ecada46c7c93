"""Whether people are told: messages that a sink does not take."""

from datetime import datetime, timedelta

from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement


def messages(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`undelivered_s`: age of the oldest message that a sink failed to take; `refused_messages`: of the last hour."""
    oldest = {d.sink: d for d in reversed(registry.alerts.outbox()) if d.attempts > 0}
    found = [
        Measurement(
            "undelivered_s",
            {"sink": sink},
            max((now - delivery.created).total_seconds(), 0.0),
            done=f"Tried {delivery.attempts} times and goes on; the last error: {delivery.error}"[:1000],
        )
        for sink, delivery in oldest.items()
    ]
    refused: dict[str, list[str]] = {}
    for delivery in registry.alerts.refused_since(now - timedelta(hours=1)):
        refused.setdefault(delivery.sink, []).append(delivery.error)
    return found + [
        Measurement(
            "refused_messages", {"sink": sink}, float(len(errors)), done=f"The last answer: {errors[-1]}"[:1000]
        )
        for sink, errors in refused.items()
    ]
