"""`homefeed release`: look at releases, and pause, resume, approve, promote or roll one back, with a reason."""

import getpass
import socket
from datetime import datetime
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, emit

app = typer.Typer(no_args_is_help=True)

ReleaseId = Annotated[str, typer.Argument(help="The release; `homefeed release list` names them.")]
Reason = Annotated[str, typer.Option(help="Why, in one sentence; it is kept.")]
Who = Annotated[str | None, typer.Option(help="Who decides; by default the login name and the machine.")]
Force = Annotated[bool, typer.Option("--force", help="Do it although something stands against it; that is kept too.")]


@app.callback()
def release() -> None:
    """Look at releases and steer them by hand.

    Example: homefeed release rollback --reason "half of the pages are empty"
    """


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every release, the newest first, with what holds it.

    Example: homefeed release list
    """
    from homefeed.registry import open_registry
    from homefeed.settings import load

    registry = open_registry(load().resolved_registry_url)
    holds = {hold.release: hold for hold in registry.holds()}
    releases = [_row(r, holds.get(r.id)) for r in reversed(registry.releases())]
    alerts = [f"alert {alert.id}: {alert.content['summary']}" for alert in registry.alerts.holding()]
    emit({"releases": releases, "promotions_held_by": alerts}, as_json, _list_table(releases, alerts))


@app.command()
def show(release_id: ReleaseId, as_json: AsJson = False) -> None:
    """One release: each move with who, why and every check behind it, and each hold.

    Example: homefeed release show r20261123T2200Z-1a2b3c
    """
    from homefeed.registry import open_registry
    from homefeed.settings import load
    from monitoring.rollout import RolloutError

    registry = open_registry(load().resolved_registry_url)
    found = registry.release(release_id)
    if found is None:
        raise RolloutError(f"there is no release {release_id!r}; `homefeed release list` names them")
    open_hold = next((hold for hold in registry.holds() if hold.release == release_id), None)
    value = _row(found, open_hold) | {
        "holds": [_columns(hold) for hold in registry.holds(release_id)],
        "transitions": [_columns(transition) for transition in registry.transitions(release_id)],
    }
    emit(value, as_json, _show_table(value))


@app.command()
def pause(release_id: ReleaseId, reason: Reason, who: Who = None, as_json: AsJson = False) -> None:
    """Keep a release in its stage. A gate that fails still rolls it back.

    Example: homefeed release pause r20261123T2200Z-1a2b3c --reason "we look at the dismissals first"
    """
    from monitoring import orders

    settings, now = edge()
    done = orders.pause(settings, release_id, who or login(), reason, now)
    emit(_row(done, None), as_json, f"{done.id} stays in {done.stage} until `homefeed release resume {done.id}`")


@app.command()
def resume(release_id: ReleaseId, reason: Reason, who: Who = None, as_json: AsJson = False) -> None:
    """Let a paused release go on; the next look of the gates may promote it.

    Example: homefeed release resume r20261123T2200Z-1a2b3c --reason "the dismissals were a bot"
    """
    from monitoring import orders

    settings, now = edge()
    done = orders.resume(settings, release_id, who or login(), reason, now)
    emit(_row(done, None), as_json, f"{done.id} goes on from {done.stage} at the next look of the gates")


@app.command()
def approve(release_id: ReleaseId, reason: Reason, who: Who = None, as_json: AsJson = False) -> None:
    """Say yes to a canary whose evidence is complete, where `rollout.approval` asks for one; to say no, roll it back.

    Example: homefeed release approve r20261123T2200Z-1a2b3c --reason "looked at the slices"
    """
    from monitoring import orders

    settings, now = edge()
    done = orders.approve(settings, release_id, who or login(), reason, now)
    emit(
        _row(done, None), as_json, f"{done.id} is approved; it goes on from {done.stage} at the next look of the gates"
    )


@app.command()
def promote(
    release_id: ReleaseId, reason: Reason, who: Who = None, force: Force = False, as_json: AsJson = False
) -> None:
    """Move a release one stage on without waiting for the dwell time; refused while a gate fails or waits.

    Example: homefeed release promote r20261123T2200Z-1a2b3c --reason "compared by hand"
    """
    from monitoring import orders

    settings, now = edge()
    done = orders.promote(settings, release_id, who or login(), reason, now, is_forced=force)
    emit(_row(done, None), as_json, f"{done.id} is {done.stage}; the service follows within {_poll_s(settings):g} s")


@app.command()
def rollback(
    reason: Reason,
    release_id: Annotated[str | None, typer.Argument(help="The release; by default the live one.")] = None,
    who: Who = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Take a release off viewers at once; for the live one the release before it is live again, in one step.

    Example: homefeed release rollback --reason "half of the pages are empty"
    """
    from monitoring import orders

    settings, now = edge()
    done, live = orders.roll_back(settings, release_id, who or login(), reason, now, is_forced=force)
    after = f"{live.id} is live" if live else "nothing is live: pages are trending"
    text = f"{done.id} is {done.stage}; {after}; the service follows within {_poll_s(settings):g} s"
    emit(_row(done, None) | {"live": live.id if live else None}, as_json, text)


@app.command()
def drill(
    workers: Annotated[int, typer.Option(min=1, help="Services that have to follow, each a process.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Rehearse the rollback of the live release under load (G19): nothing changes for viewers, the result is kept.

    Services of their own, with a registry of their own, answer `rollout.load_peak` pages a second; the live release is
    rolled back by an order. The exit code is 1 when one of them did not follow in time or a request failed.

    Example: homefeed release drill --workers 2
    """
    from homefeed import windows
    from homefeed.registry import open_registry
    from monitoring import orders
    from monitoring.rollout import RolloutError
    from serving.drill import rollback_drill, write_report

    settings, now = edge()
    registry = open_registry(settings.resolved_registry_url)
    live, before = registry.live(), registry.was_live()
    if live is None or before is None:
        missing = "nothing is live" if live is None else f"nothing was live before {live.id}"
        raise RolloutError(f"{missing}, so there is no rollback to rehearse; `homefeed release list` names releases")

    def order(own: Any) -> None:
        orders.roll_back(own, None, login(), "a drill", edge()[1])

    found = rollback_drill(settings, live.id, before.id, order, workers)
    file = write_report(settings, windows.window_of(now), found)
    is_good = found.seconds <= settings.rollout.rollback_s and not found.failed
    value = {"good": is_good, "report": str(file)} | vars(found)
    text = (
        f"{found.restored} answered on {found.workers} services {found.seconds:.2f} s after the order, "
        f"{settings.rollout.rollback_s:g} s are allowed; {found.failed} of {found.pages} pages failed at "
        f"{found.pages_per_s:g} pages/s; kept in {file}"
    )
    emit(value, as_json, text)
    if not is_good:
        raise typer.Exit(1)


def edge() -> tuple[Any, datetime]:
    """The settings and the time of an order."""
    from homefeed.clock import clock
    from homefeed.settings import load

    settings = load()
    return settings, clock(settings.clock_file)()


def login() -> str:
    """Who gives an order when nobody is named."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _poll_s(settings: Any) -> float:
    return float(settings.serving.poll_s)


def _row(release: Any, hold: Any) -> dict[str, Any]:
    return {
        "id": release.id,
        "stage": str(release.stage),
        "since": release.stage_since.isoformat(),
        "created": release.created.isoformat(),
        "paused_by": hold.who if hold else None,
        "paused_because": hold.reason if hold else None,
    }


def _columns(row: Any) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in values.items()}


def _list_table(releases: list[dict[str, Any]], alerts: list[str]) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table("release", "stage", "since", "paused by", "because")
    for row in releases:
        held = (row["paused_by"] or "", Text(row["paused_because"] or ""))
        table.add_row(row["id"], row["stage"], row["since"][:16], *held)
    return Group(table, *(Text(f"promotions are held by {alert}", style="bold red") for alert in alerts))


def _show_table(value: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "at", "move", "who", "why", "checks", title=f"{value['id']}: {value['stage']} since {value['since'][:16]}"
    )
    for move in value["transitions"]:
        checks = "\n".join(
            f"{c['verdict']} {c['name']}" + (f" ({c['detail']})" if c["verdict"] != "pass" and c["detail"] else "")
            for c in move["checks"]
        )
        path = f"{move['from_stage']} -> {move['to_stage']}"
        table.add_row(move["at"][:16], path, move["who"] or "gates", Text(move["reason"]), Text(checks))
    holds = [
        Text(
            f"paused {hold['since'][:16]} by {hold['who']}: {hold['reason']}"
            + (f"; resumed {hold['ended'][:16]} by {hold['ended_by']}: {hold['ended_reason']}" if hold["ended"] else "")
        )
        for hold in value["holds"]
    ]
    return Group(table, *holds)
