"""Alerts: what fires, what is pending, which silences are in force, which messages wait."""

from collections.abc import Sequence
from html import escape

from homefeed.registry import Alert, AlertState
from monitoring.alerts.course import picture
from monitoring.alerts.message import anchor, is_silenced, quantity
from monitoring.console.desk import Desk
from monitoring.console.forms import form
from monitoring.console.markup import badge, lasting, link, moment, nothing, table

#: More than these are on the page of all alerts.
_FIRST = 20
#: So many evaluations of `homefeed watch` in a row may be missing before the page says so.
_MISSED = 10


def firing(desk: Desk) -> str:
    """The alerts to read first, silences and waiting messages."""
    shown, rest = desk.alerts[:_FIRST], desk.alerts[_FIRST:]
    words = [f"{sum(a.state == state for a in desk.alerts)} {state}" for state in ("firing", "pending")]
    held = sum(alert.holds and alert.state == AlertState.FIRING for alert in desk.alerts)
    body = f"<p>{', '.join(words)}; {held} hold promotions.</p>" + "".join(_alert(desk, alert) for alert in shown)
    if not desk.alerts:
        body = nothing("Nothing fires and nothing is pending.")
    if rest:
        body += f"<p>{len(rest):,} more: {link(f'{desk.root}/alerts', 'all alerts')}.</p>"
    else:
        body += f"<p>{link(f'{desk.root}/alerts', 'All alerts, also those that are resolved')}</p>"
    return _unwatched(desk) + body + _silences(desk) + _waiting(desk)


def every_alert(desk: Desk) -> str:
    """The page of all alerts: those that are open, then the newest hundred that are resolved."""
    resolved = [alert for alert in desk.registry.alerts.newest() if alert.state == AlertState.RESOLVED]
    caption = f"{len(desk.alerts):,} open, then the newest that are resolved"
    return (
        _rows(desk, caption, [*desk.alerts, *resolved]) if desk.alerts or resolved else nothing("No alert ever fired.")
    )


def runbook_url(desk: Desk, alert: Alert) -> str:
    """Where the section of the runbook is read: on the web, where the setting says so, else beside this page."""
    address = str(alert.content.get("runbook", ""))
    if address.startswith(("http://", "https://")):
        return address
    return f"{desk.root}/docs/runbook.md#{address.partition('#')[2]}"


def _unwatched(desk: Desk) -> str:
    """That nobody looks, when so: what is shown then is as old as the last evaluation."""
    seen, patience_s = desk.registry.alerts.evaluation(), _MISSED * desk.settings.alerts.interval_s
    if seen is not None and (desk.now - seen.at).total_seconds() <= patience_s:
        return ""
    words = f"were evaluated {lasting(seen.at, desk.now)} ago" if seen is not None else "were never evaluated"
    return f'<p class="told failed">The rules {words}: start `homefeed watch` and open this page again.</p>'


def _alert(desk: Desk, alert: Alert) -> str:
    told = alert.content
    state = " ".join(badge(word) for word in (str(alert.state), alert.severity))
    if is_silenced(alert.rule, alert.severity, alert.labels, desk.silences):
        state += " " + badge("silenced")
    unit = told.get("unit", "")
    facts = [
        ("since", moment(alert.since, desk.now)),
        (
            "value",
            escape(
                f"{quantity(alert.value, unit)}; {told.get('kind', '')} {quantity(told.get('bound'), unit)} is wrong"
            ),
        ),
        ("affected", escape(told.get("affected", ""))),
        ("done", escape(told.get("done", ""))),
        ("do", _advice(desk, alert)),
    ]
    lines = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    return (
        f'<article class="card" id="{anchor(alert.rule)}"><h3>{state} {escape(told.get("summary", alert.rule))}</h3>'
        f'<dl>{lines}</dl>{_picture(alert)}<div class="orders">{_orders(desk, alert)}</div></article>'
    )


def _picture(alert: Alert) -> str:
    """Its value against the bound; nothing after the first look."""
    told = alert.content
    drawn = picture(
        told.get("summary", alert.rule), told.get("course", []), told.get("bound", 0.0), told.get("kind", "above")
    )
    return f"<figure>{drawn}</figure>" if drawn else ""


def _advice(desk: Desk, alert: Alert) -> str:
    commands = "".join(f"<code>{escape(command)}</code>" for command in alert.content.get("commands", []))
    report = desk.report_url(str(alert.content.get("evidence") or ""))
    evidence = f" · {link(report, 'report')}" if report else ""
    owner = escape(str(alert.content.get("owner", "")))
    return f"{link(runbook_url(desk, alert), 'runbook')}{evidence} · owner: {owner}<br>{commands}"


def _orders(desk: Desk, alert: Alert) -> str:
    about, labels = f"alert {alert.id}", {f"label-{name}": str(value) for name, value in alert.labels.items()}
    silence = form(desk, "silence", about, rule=alert.rule, **labels)
    return silence + (form(desk, "resolve", about, alert=str(alert.id)) if alert.state == AlertState.FIRING else "")


def _rows(desk: Desk, caption: str, alerts: Sequence[Alert]) -> str:
    rows = [
        [
            f"{alert.id}",
            badge(str(alert.state)),
            badge(alert.severity),
            escape(str(alert.content.get("summary", alert.rule))),
            moment(alert.since, desk.now),
            escape(f"{alert.closed_by}: {alert.closed_reason}") if alert.closed_by else "",
            link(runbook_url(desk, alert), alert.rule),
        ]
        for alert in alerts
    ]
    return table(caption, ("alert", "state", "severity", "what", "since", "closed by", "runbook"), rows)


def _silences(desk: Desk) -> str:
    rows = [
        [
            f"{row.id}",
            escape(", ".join(f"{name}={pattern}" for name, pattern in row.matcher.items())),
            f"{row.until:%Y-%m-%d %H:%M} UTC",
            escape(f"{row.who}: {row.reason}"),
            form(desk, "end_silence", f"silence {row.id}", silence=str(row.id)),
        ]
        for row in desk.silences
    ]
    return table("Silences in force", ("silence", "of", "until", "because", ""), rows) if rows else ""


def _waiting(desk: Desk) -> str:
    rows = [
        [escape(d.sink), moment(d.created, desk.now), f"{d.attempts}", escape(d.error)]
        for d in desk.registry.alerts.outbox()[:_FIRST]
    ]
    return table("Messages that no sink has taken yet", ("sink", "since", "attempts", "error"), rows) if rows else ""
