"""`homefeed alert`: what fires, and silencing or resolving it by hand, with a reason that is kept."""

from datetime import datetime
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, emit
from homefeed.cli.release import Reason, Who, edge, login

app = typer.Typer(no_args_is_help=True)


@app.callback()
def alert() -> None:
    """Look at alerts, and silence or resolve them by hand.

    Example: homefeed alert silence features_drifted --for 2h --reason "the new app version is known"
    """


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also the newest 100 that are resolved.")] = False,
    as_json: AsJson = False,
) -> None:
    """What fires and what is pending, which silences are in force, and which messages wait.

    Example: homefeed alert list --all
    """
    from homefeed.registry import open_registry

    settings, now = edge()
    log = open_registry(settings.resolved_registry_url).alerts
    rows = {row.id: row for row in [*log.open(), *(log.newest() if everything else [])]}
    seen = log.evaluation()
    value = {
        "alerts": [_plain(row) for _, row in sorted(rows.items(), reverse=True)],
        "silences": [_plain(silence) for silence in log.silences(now)],
        "waiting": [
            {"sink": d.sink, "created": d.created.isoformat(), "attempts": d.attempts, "error": d.error}
            for d in log.outbox()
        ],
        "evaluated": seen.at.isoformat() if seen else None,
    }
    emit(value, as_json, tables(value))


@app.command()
def silence(
    rule: Annotated[str, typer.Argument(help="The rule; a shell pattern such as `*_stale` fits several.")],
    reason: Reason,
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h or 1d; at most 30d.")] = "2h",
    match: Annotated[
        list[str] | None, typer.Option(help="Only alerts with this label, such as `name=snapshot`; may be given again.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End the silence of this id (instead of a rule) now.")] = False,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Tell nobody of alerts that match, for a while. They still count, and still hold promotions.

    Example: homefeed alert silence features_drifted --for 2h --reason "the new app version is known"
    """
    from monitoring.alerts import orders

    settings, now = edge()
    if end:
        ended = orders.end_silence(settings, rule, now)
        emit(_plain(ended), as_json, f"silence {ended.id} has ended")
        return
    labels = dict(_pair(text) for text in match or [])
    row = orders.silence(settings, rule, labels, lasting, who or login(), reason, now)
    words = f"silence {row.id} until {row.until:%Y-%m-%d %H:%M UTC}; `homefeed alert silence {row.id} --end` ends it"
    emit(_plain(row), as_json, words)


@app.command()
def resolve(
    alert_id: Annotated[int, typer.Argument(help="The alert; `homefeed alert list` names them.")],
    reason: Reason,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Close an alert by hand. While its cause is there the rule begins anew and fires again after its time.

    Example: homefeed alert resolve 17 --reason "the sender was mended"
    """
    from monitoring.alerts import orders

    settings, now = edge()
    row = orders.resolve(settings, alert_id, who or login(), reason, now)
    emit(_plain(row), as_json, f"alert {row.id} ({row.rule}) is resolved; people are told with the next evaluation")


def tables(value: dict[str, Any]) -> Any:
    """Alerts, silences and waiting messages, ready for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    alerts = Table("id", "state", "severity", "what", "since", "done", "runbook", title=_title(value))
    for row in value["alerts"]:
        told = row["content"]
        style = "bold red" if row["state"] == "firing" and row["severity"] == "page" else ""
        words = [
            Text(told.get(name, ""), style=style if name == "summary" else "")
            for name in ("summary", "done", "runbook")
        ]
        alerts.add_row(str(row["id"]), row["state"], row["severity"], words[0], row["since"][:16], *words[1:])
    silences = Table("silence", "of", "until", "by", "because")
    for row in value["silences"]:
        of = ", ".join(f"{name}={pattern}" for name, pattern in row["matcher"].items())
        silences.add_row(str(row["id"]), Text(of), row["until"][:16], row["who"], Text(row["reason"]))
    waiting = [
        Text(
            f"a message waits for {row['sink']} since {row['created'][:16]}: {row['attempts']} attempts; {row['error']}"
        )
        for row in value["waiting"]
    ]
    return Group(alerts, *([silences] if value["silences"] else []), *waiting)


def _title(value: dict[str, Any]) -> str:
    return f"evaluated {value['evaluated'][:19]}" if value["evaluated"] else "never evaluated: `homefeed watch` does"


def _plain(row: Any) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in values.items()}


def _pair(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not (name and equals and pattern):
        from monitoring.alerts.orders import AlertOrderError

        raise AlertOrderError(f"{text!r} is no label: say it as name=value")
    return name, pattern
