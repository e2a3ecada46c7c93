"""What is live, since when, how its guardrails stand, and what a rollback would bring back."""

from html import escape

from homefeed.registry import Stage
from homefeed.report_page import tiles
from monitoring.alerts.message import quantity
from monitoring.console.checks import checks_table
from monitoring.console.desk import Desk
from monitoring.console.forms import form
from monitoring.console.markup import lasting, link, moment, more, nothing


def live(desk: Desk) -> str:
    """Figures of the live release, its newest look, and the order that takes it off."""
    release = desk.live
    if release is None:
        return nothing(
            "No release is live: pages show what is trending. The DAG `bootstrap` makes the first one; "
            "`homefeed release list` names those that were."
        )
    before = desk.registry.was_live()
    seen = desk.registry.alerts.evaluation()
    firing = [alert for alert in desk.alerts if alert.state == "firing"]
    figures = [
        (lasting(release.stage_since, desk.now), "live"),
        (lasting(release.created, desk.now), "since its models were made"),
        (f"{len(desk.in_rollout)}", "in rollout"),
        (f"{len(firing)}", "alerts fire"),
        (quantity((desk.now - seen.at).total_seconds(), "s") if seen else "never", "since the rules were evaluated"),
    ]
    back = (
        f"A rollback brings back {link(desk.release_url(before.id), before.id)}."
        if before is not None
        else "Nothing was live before it, so a rollback leaves viewers with trending pages."
    )
    look = desk.newest_look(release)
    checks = (
        more(
            f"Guardrails {lasting(look.at, desk.now)} ago: {look.verdict}",
            checks_table(desk, f"Guardrails of {release.id}", look.checks),
        )
        if look is not None and look.from_stage == Stage.LIVE
        else nothing("No gate has looked at it since it is live.")
    )
    return (
        f'<p class="lead">{link(desk.release_url(release.id), release.id)} went live '
        f"{moment(release.stage_since, desk.now)} and answers viewers. {back}</p>{tiles(figures)}{checks}"
        f'<div class="orders">{form(desk, "roll_back", release.id, release=release.id, stage=str(release.stage))}</div>'
        f"{_failures(desk)}"
    )


def _failures(desk: Desk) -> str:
    failures = desk.registry.failures.open()
    lines = "".join(
        f"<li>{escape(f.dag)}.{escape(f.task)}, {moment(f.at, desk.now)}: {escape(f.error or 'no error was kept')}</li>"
        for f in failures
    )
    return f'<h3>Failed tasks</h3><ul class="plain bad">{lines}</ul>' if failures else ""
