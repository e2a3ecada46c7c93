"""Faults that show under load: a service that is slowed down, and a rollback while pages arrive."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from homefeed import windows
from homefeed.cli.chaos.outcome import Outcome
from homefeed.cli.chaos.platform import Platform
from homefeed.cli.chaos.release_copy import copy_release
from homefeed.cli.chaos.release_faults import judged
from homefeed.registry import Stage

#: How long the service is stopped, and then runs again, in turns.
_STOPPED_S, _RUNS_S = 0.06, 0.04
#: How much more time than the live release took just before a release is allowed here, whatever the machine.
_ALLOWED = 1.3
#: Pages a second that any machine with a service can make.
_PEAK, _LOAD_S = 4.0, 15.0
WORKERS = 2


def slow_service(platform: Platform) -> Outcome:
    """Something takes the processor from the candidate's service again and again during its load test."""
    from serving.load_test import load_test, write_report

    began = time.perf_counter()
    calm = _loaded(platform)
    allowed = _ALLOWED * load_test(calm.settings, platform.live.id).p99_ms
    strict = _loaded(platform, load_p99_ms=allowed)
    copy = copy_release(platform.settings, platform.live.id, "slow")
    platform.enter(copy)
    found = load_test(strict.settings, copy, disturbed)
    write_report(strict.settings, platform.window, found)
    outcome = judged(strict, copy)
    return replace(outcome, took_s=time.perf_counter() - began, facts={"p99_ms": found.p99_ms, "allowed_ms": allowed})


def rollback_under_load(platform: Platform) -> Outcome:
    """A copy is live; it is rolled back by an order in a rehearsal under load, as `homefeed release drill` does it."""
    from monitoring import orders
    from serving.drill import rollback_drill, write_report

    began, before = time.perf_counter(), platform.live.id
    settings = _loaded(platform).settings
    copy = copy_release(settings, before, "drilled")
    platform.enter(copy, Stage.LIVE)
    now = platform.now
    found = rollback_drill(
        settings, copy, before, lambda own: orders.roll_back(own, None, "chaos", "a drill", now), WORKERS
    )
    write_report(settings, windows.window_of(now), found)
    is_good = found.seconds <= settings.rollout.rollback_s and not found.failed
    return Outcome(
        stage="followed" if is_good else "too late or with failed pages",
        checks={},
        safe_s=found.seconds,
        took_s=time.perf_counter() - began,
        live=platform.live.id,
        facts={"pages": float(found.pages), "p99_ms": found.p99_ms},
    )


@contextmanager
def disturbed(pid: int) -> Iterator[None]:
    """The process is stopped for more than half of the time."""
    over = threading.Event()

    def disturb() -> None:
        while not over.wait(_RUNS_S):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(_STOPPED_S)
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _loaded(platform: Platform, **knobs: float) -> Platform:
    """The platform with a load test that any machine passes, and `knobs`."""
    changed = {"load_test": True, "load_peak": _PEAK, "load_s": _LOAD_S} | knobs
    rollout = platform.settings.rollout.model_copy(update=changed)
    return Platform(platform.settings.model_copy(update={"rollout": rollout}))
