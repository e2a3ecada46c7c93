"""The rollback drill: services under load, an order to roll back, and the seconds until the release before answers on
every one of them."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from homefeed.registry import open_registry
from homefeed.settings import Settings
from serving.load import Load
from serving.process import ServiceError, ServiceProcess, start
from serving.rehearsal import rehearsal, some_viewers

KIND = "drill"
_VIEWERS, _WARM_UP, _START_S = 500, 40, 300.0
#: Seconds of load before the order and after the last service has followed, and how long a drill waits for that.
_BEFORE_S, _AFTER_S, _MOST_S = 3.0, 2.0, 30.0
_LOOK_S = 0.05


@dataclass(frozen=True)
class Drill:
    """One rollback under load.

    Attributes:
      release: taken off viewers.
      restored: the release before it.
      workers: services that answered.
      seconds: from the order until every one answered with `restored`; infinite when one did not in time.
      pages: pages that arrived in the whole drill.
      failed: how many of them got no page.
      p99_ms: time of the others.
      pages_per_s: at which they arrived, all services together.
    """

    release: str
    restored: str
    workers: int
    seconds: float
    pages: int
    failed: int
    p99_ms: float
    pages_per_s: float


def rollback_drill(
    settings: Settings, release: str, before: str, order: Callable[[Settings], object], workers: int
) -> Drill:
    """Roll `release` back to `before` in a rehearsal, while pages arrive.

    Args:
      settings: `rollout.load_peak` pages a second arrive, shared by the services.
      release, before: their bundles are in the model store.
      order: gives the order to roll back; it is told the settings of the rehearsal.
      workers: services, each a process of its own with its own memory, as replicas are.

    Raises:
      ServiceError: a service did not start.
    """
    rate, users = settings.rollout.load_peak / workers, some_viewers(settings, _VIEWERS)
    with rehearsal(settings, [before, release]) as own, ExitStack() as stack:
        services = [stack.enter_context(start(own, 0, _START_S)) for _ in range(workers)]
        loads = [stack.enter_context(Load(service.url, users)) for service in services]
        for load in loads:
            load.closed(2, _WARM_UP)
        if settings.serving.standby:
            _wait_for_standby(services, before)
        # The load has a fixed length, and goes on after the last service can have followed.
        asked = [load.open(rate, _BEFORE_S + settings.rollout.rollback_s + _AFTER_S) for load in loads]
        time.sleep(_BEFORE_S)
        ordered = time.perf_counter()
        order(own)
        seconds = max(_followed(service, before, ordered) for service in services)
        answers = [load.result() for load in asked]
    return Drill(
        release=release,
        restored=before,
        workers=workers,
        seconds=seconds,
        pages=sum(len(each.status) for each in answers),
        failed=sum(len(each.status) - each.served for each in answers),
        p99_ms=max(each.ms(0.99) for each in answers),
        pages_per_s=settings.rollout.load_peak,
    )


def _wait_for_standby(services: list[ServiceProcess], release: str) -> None:
    """Wait until each has the release in memory that the rollback brings back, as one that runs for a while has."""
    until = time.perf_counter() + _START_S
    for service in services:
        while not any(arm["release"] == release for arm in httpx.get(f"{service.url}/release").json()["retired"]):
            if time.perf_counter() > until:
                raise ServiceError(f"a service did not load {release} within {_START_S:.0f} s:\n{service.output()}")
            time.sleep(_LOOK_S)


def _followed(service: ServiceProcess, release: str, ordered: float) -> float:
    """Seconds from the order until the service answers with `release`, pages included."""
    with httpx.Client(base_url=service.url, timeout=10) as client:
        while time.perf_counter() - ordered < _MOST_S:
            page = client.post("/recommend", json={"user": "drill"})
            if page.status_code == 200 and page.json()["release"] == release:
                return time.perf_counter() - ordered
            time.sleep(_LOOK_S)
    return float("inf")


def write_report(settings: Settings, window: str, found: Drill) -> Path:
    """Keep a drill as evidence: in `reports/drill/<release>.json`, entered in the registry."""
    file = settings.reports_path / KIND / f"{found.release}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = asdict(found) | {"at": datetime.now(UTC).isoformat()}
    file.write_text(json.dumps(kept, indent=2))
    open_registry(settings.resolved_registry_url).add_report(KIND, window, found.release, file, kept)
    return file
