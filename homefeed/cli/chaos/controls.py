"""What must not be taken for a fault, and what must leave the platform whole: the other half of a suite of faults."""

import os
import signal
import subprocess
import sys
import time

from homefeed.cli.chaos import load_faults
from homefeed.cli.chaos.fault import CANARY, LIVE, ROLLED_BACK, SHADOW, Fault, alone, rollout
from homefeed.cli.chaos.outcome import Outcome, named
from homefeed.cli.chaos.platform import Platform
from homefeed.cli.chaos.release_copy import copy_release
from homefeed.cli.chaos.release_faults import in_shadow
from homefeed.cli.chaos.rollout_faults import Effect, roll_out
from homefeed.cli.chaos.traffic import Traffic
from homefeed.registry import Stage
from homefeed.settings.environment import environment

#: A promotion that is killed after the old release was retired and before the new one is live.
_KILLED = """
import os, signal, sys
from datetime import datetime, UTC
from homefeed.registry import Stage, open_registry, stage_moves
from homefeed.settings import load

set_stage = stage_moves._set_stage

def dies(release, stage, at):
    set_stage(release, stage, at)
    if stage == Stage.RETIRED:
        os.kill(os.getpid(), signal.SIGKILL)

stage_moves._set_stage = dies
open_registry(load().resolved_registry_url).move(sys.argv[1], Stage.LIVE, datetime.now(UTC), [])
"""


def without_pages(platform: Platform) -> Outcome:
    """A release whose service made no page yet: every source of evidence that is empty waits."""
    began = time.perf_counter()
    copy = copy_release(platform.settings, platform.live.id, "silent")
    platform.enter(copy)
    stage = platform.step(copy)
    checks = platform.registry.transitions(copy)[-1].checks
    return Outcome(str(stage), named(checks), took_s=time.perf_counter() - began, live=platform.live.id)


def killed_promotion(platform: Platform) -> Outcome:
    """The process that makes a release live is killed in the middle of it; then the promotion is made again."""
    began, live, registry = time.perf_counter(), platform.live.id, platform.registry
    candidate = platform.enter("promoted", Stage.RAMP).id
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, candidate], env={**os.environ, **environment(platform.settings)}, check=False
    )
    if killed.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the promotion was to be killed, and ended with code {killed.returncode}")
    names = [release.id for release in registry.releases(Stage.LIVE)]
    stage = registry.move(candidate, Stage.LIVE, platform.now, []).stage
    after = [release.id for release in registry.releases(Stage.LIVE)]
    is_whole = names == [live] and after == [candidate]
    return Outcome(str(stage), {}, took_s=time.perf_counter() - began, live=platform.live.id, is_whole=is_whole)


def unanswered_approval(platform: Platform, traffic: Traffic) -> Outcome:
    """A canary whose every check passes, where a person has to approve it and nobody does."""
    settings = platform.settings
    knobs = {"approval": True, "approval_timeout_s": 7200.0, "min_viewers": 200, "max_viewers": 200}
    changed = settings.rollout.model_copy(update=knobs)
    asking = Platform(settings.model_copy(update={"rollout": changed}))
    return roll_out(asking, traffic, Effect(), "unanswered")


CONTROLS: tuple[Fault, ...] = (
    Fault(
        "unchanged-in-shadow",
        "a copy of the live release passes every fixed gate",
        "",
        (),
        CANARY,
        alone(in_shadow()),
        "control",
    ),
    Fault(
        "unchanged-rollout",
        "a release that changes nothing is not rolled back within a day",
        "",
        (),
        (*CANARY, str(Stage.RAMP), *LIVE),
        rollout(Effect()),
        "rollout",
    ),
    Fault(
        "rollback-under-load",
        "an order to roll back while pages arrive: every service follows in time, and no page fails (G19)",
        "",
        (),
        ("followed",),
        alone(load_faults.rollback_under_load),
        "control",
    ),
    Fault(
        "no-data",
        "sources of evidence without data wait",
        "",
        ("feature_parity", "shadow_errors", "page_empty"),
        SHADOW,
        alone(without_pages),
        "control",
    ),
    Fault(
        "killed-promotion",
        "a promotion killed half-way leaves the release that was live, and can be made again",
        "",
        (),
        LIVE,
        alone(killed_promotion),
        "control",
    ),
    Fault(
        "unanswered-approval",
        "nobody approves: the canary is rolled back",
        "",
        ("approval",),
        ROLLED_BACK,
        lambda platform, viewers: unanswered_approval(platform, viewers()),
        "rollout",
    ),
)
