"""Move releases through their stages by the evidence, and store every look."""

from datetime import datetime, timedelta

from homefeed.clock import clock
from homefeed.errors import HomefeedError
from homefeed.registry import Registry, Release, Stage, open_registry
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict, overall
from monitoring.approval import approval
from monitoring.gates import run_gates
from monitoring.live import live_release
from monitoring.look import Look
from monitoring.stages import TABLE, RolloutState, advance

__all__ = ["RolloutError", "RolloutState", "advance", "holders", "step", "step_all"]


class RolloutError(HomefeedError):
    """A release cannot be moved; the message says why."""


def step(settings: Settings, release_id: str, window: str, now: datetime) -> Stage:
    """Look at one release and move it as far as its evidence and the dwell time let it.

    Args:
      settings: the settings tree.
      release_id: a release that is in the registry.
      window: newest closed window whose exposures are published.
      now: time of the look.

    Returns:
      The stage it is in afterwards; one that is final is not looked at.

    Raises:
      RolloutError: there is no such release.
    """
    registry = open_registry(settings.resolved_registry_url)
    release = registry.release(release_id)
    if release is None:
        raise RolloutError(
            f"there is no release {release_id!r} in {settings.resolved_registry_url}; `homefeed status` lists them"
        )
    live, alone = _live(settings, registry, release)
    look = Look(settings, registry, release, live, window, now, alone)
    while release.stage in TABLE:
        stage = Stage(release.stage)
        checks = run_gates(look, stage)
        checks += approval(settings, registry, release, look.live, checks, now)
        held = holders(registry, release_id, look.live)
        dwell_s = settings.rollout.dwell_s if look.live is not None else 0.0
        state = RolloutState(stage, release.stage_since, dwell_s, bool(held))
        to_stage = advance(state, overall(checks), now)
        reason = _reason(state, to_stage, checks, now, held)
        release = registry.move(release_id, to_stage, now, checks, reason, expected=stage)
        if to_stage in {stage, Stage.LIVE}:
            break
        # The evidence read so far stands; what is read per stage begins anew.
        look.release = release
    return Stage(release.stage)


def holders(registry: Registry, release_id: str, live: Release | None) -> list[str]:
    """What keeps a release from its next stage, a sentence each: its own hold, and firing alerts that hold promotions.

    Alerts hold nothing while nothing is live: a release could harm nobody then, and any page is better than none.
    """
    held = [
        f"paused by {hold.who} since {hold.since.isoformat(timespec='minutes')}: {hold.reason}"
        for hold in registry.holds()
        if hold.release == release_id
    ]
    alerts = registry.alerts.holding() if live is not None else []
    return held + [f"alert {alert.id} fires: {alert.content.get('summary') or alert.rule}" for alert in alerts]


def step_all(settings: Settings, window: str) -> dict[str, Stage]:
    """Look at the live release, then at every release in rollout, oldest first: release id -> stage afterwards."""
    registry, now = open_registry(settings.resolved_registry_url), clock(settings.clock_file)()
    _retire_overtaken(settings, registry, now)
    live = registry.live()
    releases = [*([live] if live else []), *registry.in_rollout()]
    return {release.id: step(settings, release.id, window, now) for release in releases}


def _live(settings: Settings, registry: Registry, release: Release) -> tuple[Release | None, str]:
    """What a release is compared with, and why with nothing although a release is live."""
    live = registry.live()
    if live is None or live.id == release.id:
        return (None if live is None else release), ""
    return live_release(settings, registry)


def _reason(state: RolloutState, to_stage: Stage, checks: list[Check], now: datetime, held: list[str]) -> str:
    """One sentence on why the release went where it went."""
    named = {v: [c.name for c in checks if c.verdict is v] for v in Verdict}
    if failed := named[Verdict.FAIL]:
        return f"failed: {', '.join(failed)}"
    if waiting := named[Verdict.WAIT]:
        return f"waits for: {', '.join(waiting)}"
    if to_stage == state.stage and state.stage != Stage.LIVE:
        if held:
            return f"every check passed; held: {'; '.join(held)}"
        left = timedelta(seconds=state.dwell_s) - (now - state.since)
        return f"every check passed; {left.total_seconds():.0f} s of dwell time left"
    return f"every one of {len(checks)} checks passed"


def _retire_overtaken(settings: Settings, registry: Registry, now: datetime) -> None:
    """A newer release makes an older one pointless: in SHADOW at once, later when it is undecided for too long.

    One that is paused stays: whoever paused it wants to look at it.
    """
    rollout = registry.in_rollout()
    stays = {release.id for release in rollout[-1:]} | {hold.release for hold in registry.holds()}
    for release in rollout:
        waited_s = (now - release.stage_since).total_seconds()
        is_stuck = release.stage == Stage.SHADOW or waited_s > settings.rollout.max_wait_s
        if release.id not in stays and is_stuck:
            check = Check(
                "overtaken", Verdict.WAIT, value=waited_s, detail=f"{rollout[-1].id} is newer and takes its place"
            )
            registry.move(release.id, Stage.RETIRED, now, [check], check.detail, expected=Stage(release.stage))
