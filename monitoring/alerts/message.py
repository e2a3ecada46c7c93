"""What people read: the content of an alert, which alerts are told now, and a message of one group as text."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from homefeed.registry import Alert, AlertState, Silence
from homefeed.settings.monitoring import AlertSettings
from monitoring.alerts.reading import Measurement
from monitoring.alerts.rules import Rule, Severity, matches
from monitoring.alerts.state import Instance

Message = Mapping[str, Any]


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def content(rule: Rule, alert: Instance, measurement: Measurement, settings: AlertSettings) -> dict[str, Any]:
    """What is kept and told of an alert beside its state: the rule's texts with this alert's labels and value."""
    labels = dict(alert.key[1])
    known = _Known(labels)
    known["value"], known["bound"] = quantity(alert.value, rule.unit), quantity(rule.bound, rule.unit)
    known["since"] = moment(alert.since)
    done = measurement.done or rule.done.format_map(known)
    return {
        "summary": rule.summary.format_map(known),
        "bound": rule.bound,
        "unit": rule.unit,
        "kind": str(rule.kind),
        "affected": measurement.affected or rule.affected.format_map(known),
        "done": f"{done} Promotions are held while it fires." if rule.holds else done,
        "commands": [command.format_map(known) for command in rule.commands],
        "runbook": f"{settings.runbook_url}#{rule.runbook}",
        "evidence": measurement.evidence,
        "picture": f"{settings.console_url.rstrip('/')}/#{anchor(rule.name)}" if settings.console_url else "",
        "owner": rule.owner,
        "group": rule.group,
    }


def anchor(rule: str) -> str:
    """Where the first alert of a rule stands on the page Homefeed."""
    return f"alert-{rule}"


def is_silenced(rule: str, severity: str, labels: Mapping[str, str], silences: Iterable[Silence]) -> bool:
    """Whether a silence in force matches the alert by its labels, its rule or its severity."""
    known = {**labels, "rule": rule, "severity": severity}
    return any(matches({name: [p] for name, p in silence.matcher.items()}, known) for silence in silences)


def groups_due(
    alerts: Sequence[Alert], silences: Sequence[Silence], now: datetime, repeat_s: float
) -> dict[str, list[Alert]]:
    """Group -> what is told of it now; a group in which nothing is new is left out.

    New is an alert that fires and was never told or not for `repeat_s`, and one that was told and is resolved. The
    others of its group that fire are told with it. A silenced one is told only when it ends, if it was told before.
    """
    due: dict[str, list[Alert]] = {}
    for alert in alerts:
        if _is_new(alert, silences, now, repeat_s):
            due.setdefault(alert.content["group"], []).append(alert)
    for alert in alerts:
        told = due.get(alert.content["group"], [])
        if told and alert not in told and is_told(alert, silences):
            told.append(alert)
    return due


def is_told(alert: Alert, silences: Sequence[Silence]) -> bool:
    """Whether an alert fires and nothing silences it."""
    is_firing = alert.state == AlertState.FIRING
    return is_firing and not is_silenced(alert.rule, alert.severity, alert.labels, silences)


def _is_new(alert: Alert, silences: Sequence[Silence], now: datetime, repeat_s: float) -> bool:
    if alert.state == AlertState.RESOLVED:
        return alert.told is not None
    is_due = alert.told is None or now - alert.told >= timedelta(seconds=repeat_s)
    return is_due and is_told(alert, silences)


def message(group: str, alerts: Sequence[Alert], now: datetime) -> dict[str, Any]:
    """One message, as the outbox keeps it and the webhook gets it."""
    firing = [alert for alert in alerts if alert.state == AlertState.FIRING]
    severities = {alert.severity for alert in alerts}
    return {
        "group": group,
        "at": now.isoformat(),
        "status": "firing" if firing else "resolved",
        "severity": str(Severity.PAGE if Severity.PAGE in severities else Severity.TICKET),
        "alerts": [_plain(alert) for alert in [*firing, *(a for a in alerts if a.state != AlertState.FIRING)]],
    }


def _plain(alert: Alert) -> dict[str, Any]:
    times = {name: getattr(alert, name) for name in ("since", "fired", "resolved")}
    return {
        "rule": alert.rule,
        "labels": alert.labels,
        "state": str(alert.state),
        "severity": alert.severity,
        "value": alert.value,
        **{name: time.isoformat() if time else None for name, time in times.items()},
        **alert.content,
        "closed_by": alert.closed_by or "",
        "closed_reason": alert.closed_reason or "",
    }


def subject(told: Message) -> str:
    """One line: how bad, whether it goes on, and what."""
    firing = [alert for alert in told["alerts"] if alert["state"] == "firing"]
    first = (firing or told["alerts"])[0]["summary"]
    more = f" (and {len(firing) - 1} more)" if len(firing) > 1 else ""
    return f"[{told['severity'].upper()}] {told['status'].upper()}: {first}{more}"


def text(told: Message) -> str:
    """The whole message for people."""
    return "\n\n".join([subject(told), *(_paragraph(alert, told["at"]) for alert in told["alerts"])])


def _paragraph(alert: Mapping[str, Any], at: str) -> str:
    until = alert["resolved"] or at
    lasted_s = (datetime.fromisoformat(until) - datetime.fromisoformat(alert["since"])).total_seconds()
    since = f"{moment(datetime.fromisoformat(alert['since']))}, for {quantity(lasted_s, 's')}"
    value = (
        f"{quantity(alert['value'], alert['unit'])}; {alert['kind']} {quantity(alert['bound'], alert['unit'])} is wrong"
    )
    closed = f" by {alert['closed_by']}: {alert['closed_reason']}" if alert["closed_by"] else ""
    lines = [
        f"{alert['state'].upper()}{closed} - {alert['rule']} {_labels(alert['labels'])}".rstrip(),
        f"  what      {alert['summary']}",
        f"  since     {since}",
        f"  value     {value}",
        f"  affected  {alert['affected']}",
        f"  done      {alert['done']}",
    ]
    if alert["evidence"]:
        lines.append(f"  report    {alert['evidence']}")
    if alert.get("picture"):
        lines.append(f"  picture   {alert['picture']}")
    if alert["state"] == "firing":
        lines.append(f"  do        {alert['runbook']}  (owner: {alert['owner']})")
        lines += [f"            $ {command}" for command in alert["commands"]]
    return "\n".join(lines)


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def moment(time: datetime) -> str:
    """A time for people."""
    return time.strftime("%Y-%m-%d %H:%M UTC")


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit for people: seconds as minutes, hours or days, shares as percent."""
    if value is None:
        return "unknown"
    if unit == "share":
        return f"{value:.1%}"
    if unit == "ratio":
        return f"{value:.2f}"
    if unit != "s":
        return f"{value:g}"
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.1f} {name}"
    return f"{value:.0f} s"
