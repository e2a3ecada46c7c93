"""Move releases through their stages by the evidence, and store every look."""

from datetime import datetime, timedelta

from homefeed.clock import clock
from homefeed.errors import HomefeedError
from homefeed.registry import Registry, Release, Stage, open_registry
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict, overall
from monitoring.gates import run_gates
from monitoring.look import Look
from monitoring.stages import TABLE, RolloutState, advance

__all__ = ["RolloutError", "RolloutState", "advance", "step", "step_all"]


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
    look = Look(settings, registry, release, _live(registry, release), window, now)
    while release.stage in TABLE:
        stage = Stage(release.stage)
        checks = run_gates(look, stage)
        state = RolloutState(stage, release.stage_since, settings.rollout.dwell_s if look.live is not None else 0.0)
        to_stage = advance(state, overall(checks), now)
        release = registry.move(release_id, to_stage, now, checks, _reason(state, to_stage, checks, now))
        if stage == Stage.LIVE and to_stage == Stage.ROLLED_BACK:
            _restore(registry, release_id, now)
        if to_stage in {stage, Stage.LIVE}:
            break
        # The evidence read so far stands; what is read per stage begins anew.
        look.release = release
    return Stage(release.stage)


def step_all(settings: Settings, window: str) -> dict[str, Stage]:
    """Look at the live release, then at every release in rollout, oldest first: release id -> stage afterwards."""
    registry, now = open_registry(settings.resolved_registry_url), clock(settings.clock_file)()
    _retire_overtaken(settings, registry, now)
    live = registry.live()
    releases = [*([live] if live else []), *registry.in_rollout()]
    return {release.id: step(settings, release.id, window, now) for release in releases}


def _live(registry: Registry, release: Release) -> Release | None:
    live = registry.live()
    return release if live is not None and live.id == release.id else live


def _reason(state: RolloutState, to_stage: Stage, checks: list[Check], now: datetime) -> str:
    """One sentence on why the release went where it went."""
    named = {v: [c.name for c in checks if c.verdict is v] for v in Verdict}
    if failed := named[Verdict.FAIL]:
        return f"failed: {', '.join(failed)}"
    if waiting := named[Verdict.WAIT]:
        return f"waits for: {', '.join(waiting)}"
    if to_stage == state.stage and state.stage != Stage.LIVE:
        left = timedelta(seconds=state.dwell_s) - (now - state.since)
        return f"every check passed; {left.total_seconds():.0f} s of dwell time left"
    return f"every one of {len(checks)} checks passed"


def _restore(registry: Registry, failed: str, now: datetime) -> None:
    """Bring back the release that was live before: one step, no training. Without one, pages fall back to trending."""
    was_live = [
        transition
        for release in registry.releases(Stage.RETIRED)
        for transition in registry.transitions(release.id)
        if transition.to_stage == Stage.LIVE and transition.from_stage != Stage.LIVE
    ]
    if was_live:
        newest = max(was_live, key=lambda transition: transition.id)
        check = Check("restored", Verdict.PASS, detail=f"{failed} was rolled back and this release was live before it")
        registry.move(newest.release, Stage.LIVE, now, [check], check.detail)


def _retire_overtaken(settings: Settings, registry: Registry, now: datetime) -> None:
    """A newer release makes an older one pointless: in SHADOW at once, later when it is undecided for too long."""
    rollout = registry.in_rollout()
    newest = {release.id for release in rollout[-1:]}
    for release in rollout:
        waited_s = (now - release.stage_since).total_seconds()
        is_stuck = release.stage == Stage.SHADOW or waited_s > settings.rollout.max_wait_s
        if release.id not in newest and is_stuck:
            check = Check(
                "overtaken", Verdict.WAIT, value=waited_s, detail=f"{rollout[-1].id} is newer and takes its place"
            )
            registry.move(release.id, Stage.RETIRED, now, [check], check.detail)
