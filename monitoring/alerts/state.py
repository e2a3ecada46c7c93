"""The states of alerts: a pure function from rules, alerts and a reading to alerts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from homefeed.registry import AlertState
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.rules import Rule

#: Rule name and labels, sorted: the identity of an alert, by which it is deduplicated.
Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Instance:
    """One rule that is, or was, beyond its bound for one set of labels.

    Attributes:
      key: its identity.
      state: PENDING, FIRING or RESOLVED.
      since: when it was first beyond the bound.
      fired: when it began to fire; None before.
      clear_since: since when it has been within the bound, while it still fires.
      resolved: when it was resolved; None before.
      value: newest value; the last one known when there is no newer.
      measurement: the newest measurement; None when there was none this time.
      id: its row in the registry; None for a new one.
      told: when people were last told of it; None when nobody was.
    """

    key: Key
    state: AlertState
    since: datetime
    fired: datetime | None = None
    clear_since: datetime | None = None
    resolved: datetime | None = None
    value: float | None = None
    measurement: Measurement | None = None
    id: int | None = None
    told: datetime | None = None


def key_of(rule: str, labels: Mapping[str, str]) -> Key:
    """The identity of the alert of `rule` for `labels`."""
    return rule, tuple(sorted(labels.items()))


def evaluate(rules: Sequence[Rule], alerts: Iterable[Instance], reading: Reading, now: datetime) -> list[Instance]:
    """The alerts after one reading.

    Args:
      rules: every rule.
      alerts: those that were pending or firing, one per key.
      reading: what was measured.
      now: time of the evaluation. Times of `alerts` that lie after it, because the clock was set back, count as `now`:
        what is pending waits its whole time anew, and what fires goes on firing.

    Returns:
      Pending and firing alerts, and those that were resolved just now. A pending one that came back within the bound
      is left out. An alert whose rule is gone is resolved.
    """
    before = {alert.key: _not_after(alert, now) for alert in alerts}
    found: dict[Key, tuple[Rule, Measurement]] = {}
    for measurement in reading.measurements:
        for rule in rules:
            if rule.looks_at(measurement.measure, measurement.labels):
                found[key_of(rule.name, measurement.labels)] = (rule, measurement)
    after = [_seen(rule, m, before.get(key), key, now) for key, (rule, m) in found.items()]
    by_name = {rule.name: rule for rule in rules}
    after += [_unseen(by_name.get(key[0]), alert, reading, now) for key, alert in before.items() if key not in found]
    return [alert for alert in after if alert is not None]


def _seen(rule: Rule, measurement: Measurement, alert: Instance | None, key: Key, now: datetime) -> Instance | None:
    value = measurement.value
    if value is None:
        # No data is no evidence: not of the harm, and not of its end.
        return alert and replace(alert, clear_since=None, measurement=measurement)
    if alert is None:
        if not rule.is_wrong(value):
            return None
        alert = Instance(key, AlertState.PENDING, since=now)
    alert = replace(alert, value=value, measurement=measurement)
    if alert.state == AlertState.PENDING:
        if not rule.is_wrong(value):
            return None
        is_due = now - alert.since >= timedelta(seconds=rule.for_s)
        return replace(alert, state=AlertState.FIRING, fired=now) if is_due else alert
    return _clear(rule, alert, now) if rule.is_right(value) else replace(alert, clear_since=None)


def _unseen(rule: Rule | None, alert: Instance, reading: Reading, now: datetime) -> Instance | None:
    if rule is not None and rule.measure in reading.unknown:
        return replace(alert, clear_since=None, measurement=None)
    if alert.state == AlertState.PENDING:
        return None
    alert = replace(alert, measurement=None)
    return replace(alert, state=AlertState.RESOLVED, resolved=now) if rule is None else _clear(rule, alert, now)


def _clear(rule: Rule, alert: Instance, now: datetime) -> Instance:
    since = alert.clear_since or now
    if now - since >= timedelta(seconds=rule.resolve_for_s):
        return replace(alert, state=AlertState.RESOLVED, clear_since=since, resolved=now)
    return replace(alert, clear_since=since)


def _not_after(alert: Instance, now: datetime) -> Instance:
    def earlier(time: datetime | None) -> datetime | None:
        return time and min(time, now)

    return replace(
        alert,
        since=min(alert.since, now),
        fired=earlier(alert.fired),
        clear_since=earlier(alert.clear_since),
        told=earlier(alert.told),
    )
