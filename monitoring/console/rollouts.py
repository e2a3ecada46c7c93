"""The rollouts in progress: where each release stands, what it waits for, every gate with its evidence."""

from datetime import timedelta
from html import escape

from homefeed.registry import Release, Stage
from monitoring import approval
from monitoring.console.checks import checks_table
from monitoring.console.desk import Desk
from monitoring.console.forms import form
from monitoring.console.markup import badge, lasting, link, moment, nothing
from monitoring.rollout import holders

_WAY = (Stage.SHADOW, Stage.CANARY, Stage.RAMP, Stage.LIVE)


def rollouts(desk: Desk) -> str:
    """Each release on its way, the one that is furthest first."""
    if not desk.in_rollout:
        return nothing("No release is on its way. The next one enters when `build_index` has made a bundle.")
    return "".join(_rollout(desk, release) for release in desk.in_rollout)


def _rollout(desk: Desk, release: Release) -> str:
    look = desk.newest_look(release)
    checks = (
        f"<p>{moment(look.at, desk.now)}: {badge(look.verdict)} {escape(look.reason)}</p>"
        + checks_table(desk, f"Gates of {release.id} in {release.stage}", look.checks)
        if look is not None
        else nothing("No gate has looked at it yet.")
    )
    held = "".join(f"<li>{escape(words)}</li>" for words in holders(desk.registry, release.id, desk.live))
    return (
        f'<article class="card"><h3>{link(desk.release_url(release.id), release.id)}</h3>{_way(release)}'
        f"<p>In {release.stage} for {lasting(release.stage_since, desk.now)}, {_share(desk, release)}; "
        f"{_dwell(desk, release)}.</p>"
        f"{f'<p><strong>Held:</strong></p><ul>{held}</ul>' if held else ''}{checks}{_orders(desk, release)}</article>"
    )


def _way(release: Release) -> str:
    here = _WAY.index(Stage(release.stage))
    steps = "".join(
        f"<li{' aria-current=step' if i == here else ''}{' class=done' if i < here else ''}>{stage}</li>"
        for i, stage in enumerate(_WAY)
    )
    return f'<ol class="way" aria-label="Stages of {escape(release.id)}">{steps}</ol>'


def _share(desk: Desk, release: Release) -> str:
    knobs = desk.settings.rollout
    share = {Stage.CANARY: knobs.canary_share, Stage.RAMP: knobs.ramp_share}.get(Stage(release.stage))
    return f"answering {share:.0%} of the viewers" if share else "scored off the response path"


def _dwell(desk: Desk, release: Release) -> str:
    until = release.stage_since + timedelta(seconds=desk.settings.rollout.dwell_s)
    if until <= desk.now:
        return "the dwell time is over"
    return f"{lasting(desk.now, until)} of dwell time left"


def _orders(desk: Desk, release: Release) -> str:
    about = {"release": release.id, "stage": str(release.stage)}
    names = ["resume" if release.id in desk.holds else "pause", "promote", "roll_back"]
    if desk.settings.rollout.approval and release.stage == Stage.CANARY:
        found = approval.request(approval.looks_in_stage(desk.registry, release))
        names = ["approve", *names] if found.asked is not None and found.answer is None else names
    return f'<div class="orders">{"".join(form(desk, name, release.id, **about) for name in names)}</div>'
