"""The feed: makes pages and takes events, with everything that changes under it kept fresh by one thread.

It knows nothing of HTTP; `serving.service` puts it behind BentoML, and tests call it as it is.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from homefeed import windows
from homefeed.clock import clock
from homefeed.errors import HomefeedError
from homefeed.experiments import drafted_by
from homefeed.registry import open_registry
from homefeed.serving_log import ServingLog
from homefeed.settings import Settings
from serving import metrics
from serving.admission import ARRIVED
from serving.answer import add_heads, debug_of, page_of
from serving.budget import Budget, Pace
from serving.bundle import BundleLoader, load_bundle
from serving.calibration import Calibrations
from serving.degraded import DegradedLog
from serving.draft import Draft
from serving.event_intake import EventIntake
from serving.fleet import Arm, Releases
from serving.fleet_state import fleet_state
from serving.fresh_viewer import with_acts
from serving.interleaved import interleave
from serving.interleavings import Interleavings, read_interleavings
from serving.knobs import KNOB, Exploration, read_exploration
from serving.making import Making
from serving.pipeline import run
from serving.recent import Recent
from serving.recent_store import RecentStore
from serving.record import record, request_row
from serving.request import PageRequest
from serving.shadow import Shadow
from serving.snapshot import Snapshot
from serving.viewer import ViewerRead, Viewers, open_online_store

_logger = logging.getLogger(__name__)


class NoCatalogueError(HomefeedError):
    """There is nothing to show yet: no snapshot of the catalogue was published."""


class Feed:
    """Everything behind the endpoints. Use `start`, then `recommend` and `accept` from any thread, then `close`.

    Args:
      settings: the settings of the process.
      load: loads and warms up the bundle of a release.
      open_store: opens the online store of viewers.
      open_recent: opens the store of what they did since.
    """

    def __init__(
        self,
        settings: Settings,
        load: BundleLoader = load_bundle,
        open_store: Callable[[], ViewerRead] | None = None,
        open_recent: Callable[[], RecentStore] | None = None,
    ) -> None:
        self.settings = settings
        self.now = clock(settings.clock_file)
        self.ready = threading.Event()
        self.snapshot: Snapshot | None = None
        self._newest: Snapshot | None = None
        self.exploration = Exploration(settings.serving.exploration)
        self.interleavings = Interleavings()
        self._registry = open_registry(settings.resolved_registry_url)
        self._making = Making()
        self.releases = Releases(settings, self._registry, load, self._making.is_any, self._refresh_knobs)
        self._calibrations = Calibrations(settings)
        self._viewers = Viewers(settings.serving, open_store or (lambda: open_online_store(settings)))
        self._recent = Recent(settings, open_recent)
        self._log = ServingLog(settings.serving_path, settings.serving.log_flush_s)
        self._degraded = DegradedLog()
        self._pace = Pace()
        threads = settings.serving.source_threads
        self._sources = ThreadPoolExecutor(threads, thread_name_prefix="source") if threads else None
        more = settings.serving.ranking_threads - 1
        self._rankers = ThreadPoolExecutor(more, thread_name_prefix="ranker") if more else None
        self._shadow = Shadow(settings.serving, self._log)
        self._events = EventIntake(settings, self._recent)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, name="refresh", daemon=True)

    def start(self) -> None:
        """Begin to load; `ready` is set when everything that was there at the start is in memory."""
        self._thread.start()

    def close(self) -> None:
        """Stop the threads and write what they hold."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._shadow.close()
        self._viewers.close()
        self._recent.close()
        for pool in (self._sources, self._rankers):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
        self._log.close()

    def recommend(self, request: PageRequest, caller_id: str = "") -> dict[str, Any]:
        """A page as `serving.request.Page` describes it; `caller_id`, the caller's name of the request, is logged.

        Raises:
          NoCatalogueError: no snapshot was ever published.
        """
        with self._making:
            return self._made(request, caller_id)

    def _made(self, request: PageRequest, caller_id: str) -> dict[str, Any]:
        began = time.perf_counter()
        budget = Budget(ARRIVED.get() or began, self.settings.serving.deadline_ms / 1000, self._pace)
        now, request_id = self.now(), f"r-{uuid.uuid4().hex}"
        fleet, snapshot = self.releases.fleet, self.snapshot
        arm = fleet.arm(request.user)
        try:
            if snapshot is None or len(snapshot) == 0:
                raise NoCatalogueError(self.no_catalogue())
            draft = self._draft(request, request_id, now, snapshot, arm, budget)
            draft.stages_s["viewer"] = time.perf_counter() - began
            draft.beside = self._rankers if self._making.is_alone() else None
            run(draft)
            found = self.interleavings.of(request.user)
            if found is not None and not interleave(draft, arm, fleet, found):
                found = None
            made = time.perf_counter()
            usual = arm.release if arm else ""
            answer = page_of(draft, drafted_by(found.releases) if found else usual)
            if request.explain:
                add_heads(answer, draft)
            draft.stages_s["answer"] = time.perf_counter() - made
        except Exception as error:
            metrics.FAILURES.labels(reason=type(error).__name__).inc()
            row = request_row(request_id, now, request, arm, _ms(began), error=str(error))
            self._log.add("requests", row | {"caller_id": caller_id})
            raise
        for stage in ("viewer", "answer"):
            metrics.child(metrics.STAGE_SECONDS, stage).observe(draft.stages_s[stage])
        answer["latency_ms"] = _ms(began)
        if request.debug:
            answer["debug"] = debug_of(draft, began - budget.began)
        record(self._log, draft, arm, answer, caller_id, found)
        self._degraded.add(draft.degraded, draft.request_id)
        if found is None:
            self._shadow.offer(fleet.shadow, draft, usual)
        return answer

    def turn_exploration(
        self, value: float | None, by: str, reason: str, release: str, arm: str, share: float
    ) -> dict[str, Any]:
        """Turn the exploration knob, for this process at once; where it stands then. Raises KnobError when it cannot be
        turned so."""
        self._registry.knobs.turn(KNOB, value, self.now(), by, reason, release=release, arm=arm, share=share)
        self._refresh_knobs()
        return self.exploration.state()

    def usual_exploration(self, user: str) -> float:
        """The exploration knob as it stands for a viewer whose request asks for none."""
        arm = self.releases.fleet.arm(user)
        return self.exploration.of(user, arm.release if arm else "")[0]

    def no_catalogue(self) -> str:
        """What is missing before there can be a page."""
        return (
            f"there is no catalogue yet: no snapshot in {self.settings.snapshots_path}; "
            "ingest video events and publish their features (the DAG `build_features`)"
        )

    def accept(self, events: Sequence[Any]) -> int:
        """Make events durable; how many, and what can go wrong, as `EventIntake.accept` says."""
        return self._events.accept(events, self.now())

    def state(self) -> dict[str, Any]:
        """What is live, what is in rollout, what could not be loaded, and how fresh the candidates are."""
        snapshot = self.snapshot
        return {
            **fleet_state(self.releases.fleet, self._calibrations.windows),
            "interleavings": [one.state() for one in self.interleavings.running],
            "snapshot": None if snapshot is None else {"window": snapshot.window, "videos": len(snapshot)},
            "exploration": self.exploration.value,
            "knobs": {"exploration": self.exploration.state()},
            "time": self.now().isoformat(),
        }

    def refresh(self) -> None:
        """Look once for a new snapshot, new releases, new calibrators, an online store and a turned knob."""
        for part, look in (
            ("snapshot", self._refresh_snapshot),
            ("knobs", self._refresh_knobs),
            ("interleavings", self._refresh_interleavings),
            # Before the releases: what it imports stays for ever too (`serving.bundle`).
            ("online_store", self._viewers.prepare),
            ("releases", self._refresh_releases),
            ("calibration", lambda: self._calibrations.refresh(self.releases.bundles)),
            ("recent", self._refresh_recent),
        ):
            try:
                look()
            except Exception:  # what we have goes on; the next look comes soon
                metrics.REFRESH_FAILURES.labels(part=part).inc()
                _logger.warning("refreshing the %s failed", part, exc_info=part != "online_store")

    def _keep_fresh(self) -> None:
        while True:
            self.refresh()
            self.ready.set()
            if self._stop.wait(self.settings.serving.poll_s):
                return

    def _refresh_snapshot(self) -> None:
        files = sorted(self.settings.snapshots_path.glob("*.arrow"))
        live = self.releases.fleet.live
        if files and (self._newest is None or self._newest.window != files[-1].stem):
            self._newest = Snapshot.read(files[-1]).prepared()
        elif self._newest is None and live is not None:
            self._newest = Snapshot(live.bundle.manifest.windows[1], live.bundle.snapshot).prepared()
        # The first one is better than none; a later one waits until the releases know it.
        self.snapshot = self.snapshot or self._newest
        if self._newest is not None:
            metrics.SNAPSHOT_AGE.set((self.now() - windows.end(self._newest.window)).total_seconds())

    def _refresh_releases(self) -> None:
        self.releases.tell(self._newest)
        self.snapshot = self._newest
        self.releases.refresh((*self.interleavings.releases, *self._standby()))

    def _refresh_knobs(self) -> None:
        self.exploration = read_exploration(self.settings, self._registry)

    def _standby(self) -> tuple[str, ...]:
        """The release that a rollback brings back: in memory, it answers at the next look. Pages come before it."""
        if not (self.settings.serving.standby and self.ready.is_set()):
            return ()
        before = self._registry.was_live()
        return (before.id,) if before is not None else ()

    def _refresh_interleavings(self) -> None:
        self.interleavings = read_interleavings(self._registry)

    def _refresh_recent(self) -> None:
        # A snapshot is written after the viewers' rows that it goes with.
        self._recent.refresh(self.now(), None if self.snapshot is None else windows.start(self.snapshot.window))

    def _draft(
        self,
        request: PageRequest,
        request_id: str,
        now: datetime,
        snapshot: Snapshot,
        arm: Arm | None,
        budget: Budget,
    ) -> Draft:
        begun = self._recent.begin(request.user)
        viewer, failure = self._viewers.read(request.user)
        acts, late = self._recent.end(begun)
        degraded = [f"{part}_{why}" for part, why in (("viewer", failure), ("recent", late)) if why]
        viewer = with_acts(viewer, acts, snapshot, self.settings.features)
        if arm is None:
            degraded.append("no_release")
        elif arm.stale:
            degraded.append("stale_release")
        exploration, knob_arm = self.exploration.of(request.user, arm.release if arm else "")
        if request.exploration is not None:
            exploration, knob_arm = request.exploration, ""
        return Draft(
            request_id=request_id,
            request=request,
            time=now,
            viewer=viewer.in_country(request.country),
            snapshot=snapshot,
            bundle=arm.bundle if arm else None,
            settings=self.settings.serving,
            exploration=exploration,
            knob_arm=knob_arm,
            degraded=degraded,
            budget=budget,
            pool=self._sources,
        )


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
