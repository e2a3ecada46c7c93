"""One evaluation of the rules: read, judge, store, tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from homefeed.registry import Alert, AlertState, Registry
from homefeed.settings import Settings
from monitoring.alerts import sources
from monitoring.alerts.course import course
from monitoring.alerts.message import content, groups_due, is_told, message
from monitoring.alerts.outbox import deliver
from monitoring.alerts.reading import Reading
from monitoring.alerts.rules import Rule
from monitoring.alerts.sinks import Sink
from monitoring.alerts.sources.runs import SILENT, WATCH
from monitoring.alerts.state import Instance, evaluate, key_of


@dataclass(frozen=True)
class Evaluated:
    """What one evaluation did.

    Attributes:
      firing, pending: how many alerts do after it.
      told: messages that it put into the outbox.
      delivered: messages that sinks took, also older ones.
      is_stored: False when another evaluation came in between; then this one changed nothing.
    """

    firing: int
    pending: int
    told: int
    delivered: int
    is_stored: bool


def evaluate_now(
    settings: Settings,
    registry: Registry,
    rules: Sequence[Rule],
    sinks: Mapping[str, Sink],
    by: str,
    now: datetime,
    reading: Reading | None = None,
) -> Evaluated:
    """Evaluate every rule once and deliver what is due.

    Args:
      settings: the settings tree.
      registry: holds the alerts; of two evaluations at once it stores one.
      rules, sinks: what is judged, and who is told.
      by: who evaluates: `watch` or `airflow`.
      now: time of the evaluation.
      reading: what was measured; None asks every source.

    Raises:
      RegistryError: the registry cannot be read or written.
    """
    log = registry.alerts
    last = log.evaluation()
    silences = log.silences(now)
    rows = {key_of(row.rule, row.labels): row for row in log.open()}
    if reading is None:
        reading = sources.read(settings, registry, now)
        if by == WATCH:
            reading = _heard(reading)
    instances = evaluate(rules, [_instance(row) for row in rows.values()], reading, now)
    by_name = {rule.name: rule for rule in rules}
    alerts = [_alert(settings, by_name.get(i.key[0]), i, rows.get(i.key), now) for i in instances]
    known = {alert.id for alert in alerts}
    dropped = [row.id for row in rows.values() if row.id not in known]
    closed = log.untold()
    messages = []
    for group, told in groups_due([*alerts, *closed], silences, now, settings.alerts.repeat_s).items():
        messages += [(sink, message(group, told, now)) for sink in sinks]
        for alert in told:
            alert.told = now
            alert.end_told = now if alert.state == AlertState.RESOLVED else None
    firing = [alert for alert in alerts if is_told(alert, silences)]
    is_stored = log.commit(
        by,
        now,
        last.number if last else 0,
        [_columns(alert) for alert in [*alerts, *closed]],
        dropped,
        messages,
    )
    delivered = deliver(settings, log, sinks, now, message("refresh", firing, now) if firing and is_stored else None)
    return Evaluated(
        firing=sum(alert.state == AlertState.FIRING for alert in alerts),
        pending=sum(alert.state == AlertState.PENDING for alert in alerts),
        told=len(messages) if is_stored else 0,
        delivered=delivered,
        is_stored=is_stored,
    )


def _heard(reading: Reading) -> Reading:
    """Whoever watches is not silent, however long the registry kept it from saying so."""
    heard = [replace(m, value=0.0) if m.measure == SILENT else m for m in reading.measurements]
    return replace(reading, measurements=heard)


def _instance(row: Alert) -> Instance:
    return Instance(
        key=key_of(row.rule, row.labels),
        state=AlertState(row.state),
        since=row.since,
        fired=row.fired,
        clear_since=row.clear_since,
        resolved=row.resolved,
        value=row.value,
        id=row.id,
        told=row.told,
    )


def _alert(settings: Settings, rule: Rule | None, alert: Instance, row: Alert | None, now: datetime) -> Alert:
    """The row of an alert after the evaluation; its words stay when nothing was measured this time."""
    name, labels = alert.key
    words, measured = row.content if row is not None else {}, alert.measurement
    if rule is not None and measured is not None and measured.value is not None:
        points = course(words.get("course", []), measured, measured.value, now)
        words = content(rule, alert, measured, settings.alerts) | {"course": points}
    return Alert(
        id=alert.id,
        rule=name,
        labels=dict(labels),
        severity=str(rule.severity) if rule is not None else row.severity if row is not None else "ticket",
        holds=rule.holds if rule is not None else False,
        state=alert.state,
        since=alert.since,
        fired=alert.fired,
        clear_since=alert.clear_since,
        resolved=alert.resolved,
        value=alert.value,
        told=alert.told,
        content=words,
        closed_by="",
        closed_reason="",
    )


def _columns(alert: Alert) -> dict[str, Any]:
    columns = {column.name: getattr(alert, column.name) for column in Alert.__table__.columns}
    return columns if columns["id"] is not None else {n: v for n, v in columns.items() if n != "id"}
