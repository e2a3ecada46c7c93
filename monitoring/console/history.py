"""The page of one release: where it stands, every look of the gates, every hold, what it was made of."""

from html import escape

from homefeed.registry import Release, Transition
from monitoring.console.checks import checks_table
from monitoring.console.desk import Desk
from monitoring.console.markup import badge, counted, link, moment, more, nothing, section

#: Looks of one release that are shown; a canary has one every ten minutes.
_MOST = 100


def history(desk: Desk, release: Release) -> str:
    """Everything that the registry keeps of a release."""
    looks = desk.registry.transitions(release.id)[::-1]
    rest = (
        nothing(f"{len(looks) - _MOST:,} older looks: `homefeed release show {release.id}`.") if looks[_MOST:] else ""
    )
    lines = "".join(f"<li>{_look(desk, look)}</li>" for look in looks[:_MOST])
    body = f'<ol class="plain">{lines}</ol>{rest}' if looks else nothing("No gate has looked at it yet.")
    return (
        f'<p class="lead">{badge(str(release.stage))} It came there '
        f"{moment(release.stage_since, desk.now)} and was made {moment(release.created, desk.now)}.</p>"
        + section("looks", "Looks and moves, the newest first", body)
        + section("holds", "Pauses", _holds(desk, release))
        + section("reports", "Reports", _reports(desk, release))
    )


def _look(desk: Desk, look: Transition) -> str:
    went = f"stayed in {badge(str(look.to_stage))}"
    if look.from_stage != look.to_stage:
        went = f"{badge(str(look.from_stage))} to {badge(str(look.to_stage))}"
    words = f"{moment(look.at, desk.now)} {went} by {escape(look.who or 'gates')}: {escape(look.reason)}"
    title = f"{counted(len(look.checks), 'check')}, {look.verdict}"
    checks = checks_table(desk, f"Checks of {look.at:%Y-%m-%d %H:%M}", look.checks)
    return f"{words} {more(title, checks)}"


def _holds(desk: Desk, release: Release) -> str:
    lines = [
        f"{moment(hold.since, desk.now)} by {escape(hold.who)}: {escape(hold.reason)}"
        + (f"; ended by {escape(hold.ended_by)}: {escape(hold.ended_reason)}" if hold.ended else "; in force")
        for hold in desk.registry.holds(release.id)
    ]
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>" if lines else nothing("It was never paused.")


def _reports(desk: Desk, release: Release) -> str:
    found = [report for report in desk.registry.reports(limit=1000) if report.release == release.id][:50]
    lines = "".join(f"<li>{link(desk.report_url(r.path), f'{r.kind} {r.window}')}</li>" for r in found)
    return f"<ul>{lines}</ul>" if found else nothing("No report names it.")
