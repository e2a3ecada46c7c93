"""The dead-man's switch: evaluates the rules again and again, apart from every scheduler, whatever else fails."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from homefeed.clock import Clock
from homefeed.registry import Alert, AlertState, Registry, RegistryError, open_registry
from homefeed.settings import Settings
from monitoring.alerts import sources
from monitoring.alerts.evaluation import Evaluated, evaluate_now
from monitoring.alerts.message import content, message
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.rules import Rule, load_rules
from monitoring.alerts.sinks import Sink, sinks_of
from monitoring.alerts.sources.runs import WATCH
from monitoring.alerts.state import Instance, evaluate

_logger = logging.getLogger(__name__)
_DAY = timedelta(days=1)


class Watch:
    """Evaluates the rules. While the registry cannot be used it tells the sinks itself, without outbox and silences."""

    def __init__(
        self,
        settings: Settings,
        rules: Sequence[Rule] | None = None,
        sinks: Mapping[str, Sink] | None = None,
        by: str = WATCH,
    ) -> None:
        self._by = by
        self._settings = settings
        self._rules = load_rules(settings.alerts.rules_file) if rules is None else rules
        self._sinks = sinks_of(settings) if sinks is None else sinks
        self._registry: Registry | None = None
        self._failing_since: datetime | None = None
        self._registry_alerts: list[Instance] = []
        self._pruned: datetime | None = None

    def once(self, now: datetime) -> Evaluated | None:
        """One evaluation; None when the registry could not be used."""
        try:
            if self._registry is None:
                url = self._settings.resolved_registry_url
                self._registry = open_registry(url, self._settings.alerts.patience_s)
            done = evaluate_now(self._settings, self._registry, self._rules, self._sinks, self._by, now)
            self._prune(self._registry, now)
        except RegistryError as error:
            _logger.error("%s", error)
            self._failing_since = min(self._failing_since or now, now)
            self._tell_registry((now - self._failing_since).total_seconds(), str(error), now)
            return None
        self._failing_since = None
        self._tell_registry(0.0, "It can be used again.", now)
        return done

    def run(self, clock: Clock, stop: threading.Event, report: Callable[[Evaluated | None], None]) -> None:
        """Evaluate every `alerts.interval_s` until `stop` is set. Nothing that goes wrong in an evaluation ends it."""
        while True:
            try:
                report(self.once(clock()))
            except Exception:  # the next evaluation may work, and nobody else would watch
                _logger.exception("an evaluation of the alert rules failed")
            if stop.wait(self._settings.alerts.interval_s):
                return

    def _prune(self, registry: Registry, now: datetime) -> None:
        if self._pruned is None or not self._pruned <= now < self._pruned + _DAY:
            registry.alerts.prune(now - self._settings.alerts.keep_days * _DAY)
            self._pruned = now

    def _tell_registry(self, failed_s: float, why: str, now: datetime) -> None:
        """Judge the one measure that only this process knows, in memory, and tell the sinks directly."""
        if failed_s == 0.0 and not self._registry_alerts:
            return
        reading = Reading([Measurement(sources.REGISTRY, {}, failed_s, done=why)])
        rules = [rule for rule in self._rules if rule.measure == sources.REGISTRY]
        before = [alert for alert in self._registry_alerts if alert.state != AlertState.RESOLVED]
        ended = [alert for alert in self._registry_alerts if alert.state == AlertState.RESOLVED]
        after = [*ended, *evaluate(rules, before, reading, now)]
        by_name = {rule.name: rule for rule in rules}
        self._registry_alerts = [kept for a in after if (kept := self._tell(by_name[a.key[0]], a, now)) is not None]

    def _tell(self, rule: Rule, alert: Instance, now: datetime) -> Instance | None:
        """The alert after the sinks were told, if it is to be kept; one that no sink took is told again next time."""
        is_over = alert.state == AlertState.RESOLVED
        repeated = timedelta(seconds=self._settings.alerts.repeat_s)
        is_due = alert.told is None or is_over or now - alert.told >= repeated
        if alert.state == AlertState.PENDING or (is_over and alert.told is None):
            return None if is_over else alert
        if is_due and not self._send(message(rule.group, [self._row(rule, alert)], now), now):
            return alert
        if is_over:
            return None
        return replace(alert, told=now) if is_due else alert

    def _send(self, told: Mapping[str, Any], now: datetime) -> bool:
        """Whether any sink beside the log took it, or there is only the log."""
        taken = []
        for name, sink in self._sinks.items():
            try:
                sink.send(told, now)
                taken.append(name)
            except Exception as error:
                _logger.warning("%s did not take a message: %s", name, error)
        return bool(set(taken) - {"log"}) or set(self._sinks) <= {"log"}

    def _row(self, rule: Rule, alert: Instance) -> Alert:
        measurement = alert.measurement or Measurement(rule.measure, {}, alert.value)
        return Alert(
            rule=rule.name,
            labels={},
            severity=str(rule.severity),
            holds=False,
            state=alert.state,
            since=alert.since,
            fired=alert.fired,
            resolved=alert.resolved,
            value=alert.value,
            content=content(rule, alert, measurement, self._settings.alerts) | {"course": []},
        )
