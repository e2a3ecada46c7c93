"""An on-call desk: a rule, measurements, a clock that is set by hand, and sinks that remember or fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from homefeed import windows
from homefeed.registry import Alert, Registry
from homefeed.settings import Settings
from monitoring.alerts.evaluation import Evaluated, evaluate_now
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.rules import Rule
from monitoring.alerts.sinks import Sink

NOW = windows.start("20261124T2200Z")


def rule(**entries: Any) -> Rule:
    """A rule about the queue's length: pages above 10, at once, unless `entries` say otherwise."""
    return Rule.model_validate(
        {
            "name": "queue_long",
            "severity": "page",
            "measure": "length",
            "kind": "above",
            "bound": 10,
            "owner": "data",
            "runbook": "queue-long",
            "summary": "The queue of {name} holds {value}, over {bound}.",
            "affected": "Whoever waits in it.",
            "done": "Nothing.",
            "commands": ["homefeed status"],
        }
        | entries
    )


def length(value: float | None, name: str = "a") -> Measurement:
    """A measurement of the queue `name`."""
    return Measurement("length", {"name": name}, value)


@dataclass
class StubSink:
    """Remembers what it was told; raises `error` instead while that is set."""

    forgets: bool = False
    told: list[Mapping[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    def send(self, told: Mapping[str, Any], now: datetime) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(told)


@dataclass
class Desk:
    """One on-call desk: rules, sinks and the time."""

    settings: Settings
    registry: Registry
    rules: Sequence[Rule]
    sinks: dict[str, Sink]
    now: datetime = NOW

    def look(
        self, *measurements: Measurement, after_s: float = 0.0, unknown: frozenset[str] = frozenset()
    ) -> Evaluated:
        """One evaluation of what was measured, `after_s` after the one before."""
        self.now += timedelta(seconds=after_s)
        reading = Reading(measurements, unknown)
        return evaluate_now(self.settings, self.registry, self.rules, self.sinks, "test", self.now, reading)

    def open(self) -> list[Alert]:
        """Alerts that are pending or firing."""
        return self.registry.alerts.open()
