"""Where the releases stand: what the gates did, and what waits."""

from datetime import datetime, timedelta

from homefeed.registry import Registry, Release, Stage
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement
from monitoring.approval import looks_in_stage, request

_HOUR = timedelta(hours=1)


def releases(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`without_live`, `live_rollbacks` of the last hour by release, `rejected_in_a_row`, and of each release in rollout
    `waiting_s`, `approvals_asked` and `paused_s`."""
    known, live = registry.releases(), registry.live()
    was_live = registry.first_live_at() is not None
    done = f"{live.id} is live." if live else "Pages fall back to trending."
    found = [Measurement("without_live", {}, float(live is None) if was_live else None)]
    found += [
        Measurement(
            "live_rollbacks",
            {"release": move.release},
            1.0,
            done=f"Rolled back ({move.who or 'by its guardrails'}: {move.reason}). {done}",
        )
        for move in registry.moves(since=now - _HOUR)
        if (move.from_stage, move.to_stage) == (Stage.LIVE, Stage.ROLLED_BACK) and move.at <= now
    ]
    found.append(_rejected(registry, known))
    held = {hold.release: hold for hold in registry.holds()}
    for release in registry.in_rollout():
        labels = {"release": release.id, "stage": str(release.stage)}
        waited_s = max((now - release.stage_since).total_seconds(), 0.0)
        affected = f"{_share(settings, release):.0%} of the viewers get its pages."
        if release.id in held:
            hold = held[release.id]
            paused_s = max((now - hold.since).total_seconds(), 0.0)
            words = f"Paused by {hold.who}: {hold.reason}."
            found.append(Measurement("paused_s", labels, paused_s, affected, words))
        else:
            found.append(Measurement("waiting_s", labels, waited_s, affected, _newest_look(registry, release)))
            found += _approval(settings, registry, release, labels)
    return found


def _approval(settings: Settings, registry: Registry, release: Release, labels: dict[str, str]) -> list[Measurement]:
    """`approvals_asked`: 1 while a person is asked to approve a canary; nothing when nobody is."""
    if not settings.rollout.approval or release.stage != Stage.CANARY:
        return []
    found = request(looks_in_stage(registry, release))
    if found.asked is None or found.answer is not None:
        return []
    asked = (
        f"Asked since {found.asked:%Y-%m-%d %H:%M} UTC. It stays in canary and is rolled back when nobody answers in "
    )
    return [
        Measurement("approvals_asked", labels, 1.0, done=f"{asked}{settings.rollout.approval_timeout_s / 3600:g} h.")
    ]


def _rejected(registry: Registry, known: list[Release]) -> Measurement:
    """Newest releases that were rolled back one after the other, and why the last one was."""
    row: list[Release] = []
    for release in reversed(known):
        if release.stage == Stage.ROLLED_BACK:
            row.append(release)
        elif release.stage in (Stage.LIVE, Stage.RETIRED, Stage.CANARY, Stage.RAMP):
            break
    why = registry.transitions(row[0].id)[-1].reason if row else ""
    done = f"Each was kept from viewers or taken off; the last one, {row[0].id}: {why}." if row else ""
    return Measurement("rejected_in_a_row", {}, float(len(row)), done=done)


def _newest_look(registry: Registry, release: Release) -> str:
    looks = registry.transitions(release.id)
    return f"The newest look of the gates: {looks[-1].reason}." if looks else "No gate has looked at it yet."


def _share(settings: Settings, release: Release) -> float:
    knobs = settings.rollout
    return {Stage.CANARY: knobs.canary_share, Stage.RAMP: knobs.ramp_share}.get(Stage(release.stage), 0.0)
