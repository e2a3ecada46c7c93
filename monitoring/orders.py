"""What a person may do with a release by hand: pause, resume, approve, promote, roll back. Each is kept with why."""

from datetime import datetime

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.registry import Release, Stage, open_registry
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict, overall
from monitoring.approval import NAME as APPROVAL
from monitoring.approval import looks_in_stage, request
from monitoring.gates import run_gates
from monitoring.look import Look
from monitoring.rollout import RolloutError, holders
from monitoring.stages import TABLE


def pause(settings: Settings, release_id: str, who: str, reason: str, now: datetime) -> Release:
    """Keep a release in its stage until `resume`. The gates still look at it, and a failing one still rolls it back.

    Raises:
      RegistryError: it is in no rollout, or paused already.
      RolloutError: there is no such release, or no reason is given.
    """
    _find(settings, release_id, reason)
    open_registry(settings.resolved_registry_url).hold(release_id, now, who, reason)
    return _find(settings, release_id, reason)


def resume(settings: Settings, release_id: str, who: str, reason: str, now: datetime) -> Release:
    """Let a paused release go on: the next look of the gates may promote it.

    Raises:
      RegistryError: it is not paused.
    """
    _find(settings, release_id, reason)
    open_registry(settings.resolved_registry_url).end_hold(release_id, now, who, reason)
    return _find(settings, release_id, reason)


def promote(
    settings: Settings, release_id: str, who: str, reason: str, now: datetime, *, is_forced: bool = False
) -> Release:
    """Move a release one stage on, without waiting for the dwell time, if its gates pass now.

    Args:
      settings: the settings tree.
      release_id: a release in SHADOW, CANARY or RAMP.
      who, reason: kept with the move.
      now: time of the order.
      is_forced: move it although a gate fails or waits, or although it is held; kept as well.

    Raises:
      RolloutError: it cannot be promoted; the message says what stands against it and what to do.
    """
    registry = open_registry(settings.resolved_registry_url)
    release = _find(settings, release_id, reason)
    stage = Stage(release.stage)
    if stage == Stage.LIVE or stage not in TABLE:
        raise RolloutError(f"{release_id} is {stage}: there is no stage to promote it to")
    live = registry.live()
    checks = run_gates(Look(settings, registry, release, live, _newest_window(settings, now), now), stage)
    against = [*holders(registry, release_id, live), *_objections(checks)]
    if against and not is_forced:
        raise RolloutError(
            f"{release_id} stays in {stage}:\n  "
            + "\n  ".join(against)
            + f"\nlook at `homefeed release show {release_id}`, mend the cause or wait for the evidence; --force "
            "promotes it all the same and keeps that you did"
        )
    if against:
        checks.append(Check("forced", Verdict.WAIT, detail=f"promoted by {who} over: {'; '.join(against)}"))
    to_stage = TABLE[stage][Verdict.PASS]
    return registry.move(release_id, to_stage, now, checks, reason, who=who, expected=stage)


def approve(settings: Settings, release_id: str, who: str, reason: str, now: datetime) -> Release:
    """Say yes to a CANARY release for which `rollout.approval` asks; the next look of the gates may promote it.

    An approval rests on evidence: it is taken only when every other check passed in the newest look. No is `roll_back`.

    Raises:
      RolloutError: nobody asks for it, or a check does not pass yet; the message says which.
    """
    registry = open_registry(settings.resolved_registry_url)
    release = _find(settings, release_id, reason)
    if not settings.rollout.approval:
        raise RolloutError("no approval is asked for: HOMEFEED_ROLLOUT__APPROVAL=true asks before every RAMP")
    if release.stage != Stage.CANARY:
        raise RolloutError(f"{release_id} is {release.stage}: only a release in canary is approved")
    looks = looks_in_stage(registry, release)
    found = request(looks)
    if found.answer is not None:
        raise RolloutError(f"{release_id} is approved by {found.answer.who} already: {found.answer.reason}")
    if found.asked is None:
        why = looks[-1].reason if looks else "no gate has looked at it"
        raise RolloutError(
            f"{release_id} cannot be approved yet ({why}): an approval rests on the evidence; come back when every "
            f"other check passes, `homefeed release show {release_id}` has them"
        )
    check = Check(APPROVAL, Verdict.PASS, detail=f"{who}: {reason}")
    return registry.move(release_id, Stage.CANARY, now, [check], reason, who=who, expected=Stage.CANARY)


def roll_back(
    settings: Settings, release_id: str | None, who: str, reason: str, now: datetime, *, is_forced: bool = False
) -> tuple[Release, Release | None]:
    """Take a release off viewers, by default the live one. It never returns; no gate is asked.

    Returns:
      The release, and the one that is live afterwards: for the live release the one that was live before it.

    Raises:
      RolloutError: nothing is live, the release is in no stage that it could be taken from, or nothing was live before
        it (then `is_forced` leaves viewers with trending pages).
    """
    registry = open_registry(settings.resolved_registry_url)
    live = registry.live()
    if release_id is None:
        if live is None:
            raise RolloutError(
                "nothing is live, so there is nothing to roll back; `homefeed release list` names releases"
            )
        release_id = live.id
    release = _find(settings, release_id, reason)
    stage = Stage(release.stage)
    if stage not in TABLE:
        raise RolloutError(f"{release_id} is {stage}: it answers nobody, so there is nothing to roll back")
    if stage == Stage.LIVE and registry.was_live() is None and not is_forced:
        raise RolloutError(
            f"nothing was live before {release_id}, so viewers would get trending pages; --force does it all the same, "
            "`homefeed release promote` brings another release forward"
        )
    check = Check("rolled_back_by_hand", Verdict.FAIL, detail=f"{who}: {reason}")
    rolled_back = registry.move(release_id, Stage.ROLLED_BACK, now, [check], reason, who=who, expected=stage)
    return rolled_back, registry.live()


def _find(settings: Settings, release_id: str, reason: str) -> Release:
    if not reason.strip():
        raise RolloutError("an order needs a reason: say in --reason why, for whoever reads it later")
    release = open_registry(settings.resolved_registry_url).release(release_id)
    if release is None:
        raise RolloutError(f"there is no release {release_id!r}; `homefeed release list` names them")
    return release


def _objections(checks: list[Check]) -> list[str]:
    if overall(checks) is Verdict.PASS:
        return []
    named = [check for check in checks if check.verdict is not Verdict.PASS]
    words = {Verdict.FAIL: "fails", Verdict.WAIT: "waits"}
    return [f"{check.name} {words[check.verdict]}: {check.detail}" for check in named] or ["no gate has looked at it"]


def _newest_window(settings: Settings, now: datetime) -> str:
    """Newest window with exposures; the one before `now` when there are none, so that the gates wait."""
    published = open_lake(settings.lake_path).windows("exposures")
    return max(published, default=windows.shift(windows.window_of(now), -1))
