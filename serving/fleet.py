"""The releases in memory, by stage, and which of them answers a viewer.

A `Fleet` never changes; a refresh makes another and puts it in place in one assignment. A request keeps the fleet that
it began with, so a swap drops nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from homefeed import windows
from homefeed.buckets import bucket, control_share
from homefeed.registry import Registry, Release, Stage
from homefeed.settings import Settings
from serving.bundle import Bundle, BundleLoader, uncollected
from serving.giving_way import GivingWay
from serving.metrics import BUNDLE_FAILURES, REFRESH_FAILURES, RELEASE
from serving.snapshot import Snapshot

_logger = logging.getLogger(__name__)
_SERVED = (Stage.LIVE, Stage.CANARY, Stage.RAMP, Stage.SHADOW)
#: Characters of a failure that `GET /v1/release` shows.
_LONGEST = 500
#: Stages in which a release may be on pages.
_SHOWN = (Stage.LIVE, Stage.CANARY, Stage.RAMP, Stage.RETIRED)


@dataclass(frozen=True)
class Arm:
    """One release in memory.

    Attributes:
      release: its id.
      stage: where it stands; LIVE for one that keeps answering because its successor cannot be loaded.
      bundle: what answers.
      stale: True when the registry names another release as live.
    """

    release: str
    stage: Stage
    bundle: Bundle
    stale: bool = False


@dataclass(frozen=True)
class Fleet:
    """Every release in memory.

    Attributes:
      live: answers everyone who is in no rollout; None before the first release.
      rollout: releases in CANARY or RAMP with the share of the viewers that each answers, oldest first.
      shadow: releases that make pages off the response path.
      retired: releases that answer nobody, but that an interleaving names or a rollback would bring back.
      failed: release -> why its bundle cannot be served.
    """

    live: Arm | None = None
    rollout: tuple[tuple[Arm, float], ...] = ()
    shadow: tuple[Arm, ...] = ()
    retired: tuple[Arm, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)

    def arm(self, user: str) -> Arm | None:
        """The release that answers `user`: the oldest in rollout whose share the viewer is in, else the live one.

        The share is drawn per release, so that no viewer tries every new one, and it only grows: a viewer of the canary
        stays with it when it becomes a ramp.
        """
        chosen = (arm for arm, share in self.rollout if bucket(arm.release, user) < share)
        return next(chosen, self.live)

    def is_control(self, user: str, besides: Sequence[str]) -> bool:
        """Whether the rollout of a release other than `besides` reads a viewer as its control."""
        others = (pair for pair in self.rollout if pair[0].release not in besides)
        return any(bucket(arm.release, user) >= 1 - control_share(share) for arm, share in others)

    def shown(self, release: str) -> Arm | None:
        """A release that may be on pages, by its id; None when it may not, or is not in memory."""
        arms = (self.live, *(arm for arm, _ in self.rollout), *self.retired)
        return next((arm for arm in arms if arm is not None and arm.release == release), None)


def _shown(error: Exception) -> str:
    """Its first line; the log has all of it. TensorFlow names every number of an input that it refuses."""
    line = (str(error) or type(error).__name__).split("\n")[0]
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


class Releases:
    """Keeps a fleet in step with the registry. `tell` and `refresh` are called by one thread only.

    Args:
      settings: the settings tree.
      registry: names the releases.
      load: gets a bundle.
      is_busy: whether requests are being answered that loading should give way to.
      meanwhile: what else is looked at every `serving.poll_s` while a release is loaded, for minutes.

    Attributes:
      fleet: the fleet now; read it once per request.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        load: BundleLoader,
        is_busy: Callable[[], bool],
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        self.fleet = Fleet()
        self._settings = settings
        self._registry = registry
        self._load = load
        self._is_busy, self._meanwhile = is_busy, meanwhile
        self._bundles: dict[str, Bundle] = {}
        self._failed: dict[str, tuple[str, float]] = {}
        self._refreshed: dict[str, str] = {}
        self._snapshot: Snapshot | None = None
        self._also: Sequence[str] = ()
        self._next_look = 0.0

    def tell(self, snapshot: Snapshot | None) -> None:
        """Tell each bundle in memory of the newest snapshot once: its index then holds the newest uploads, and nothing
        withdrawn. `refresh` tells those that it loads."""
        self._snapshot = snapshot
        if snapshot is None:
            return
        for name, bundle in self._bundles.items():
            if self._refreshed.get(name) == snapshot.window:
                # Told at an earlier look: the pages that had begun then have been answered.
                bundle.forget()
            else:
                self._tell(bundle, snapshot)

    def refresh(self, also: Sequence[str] = ()) -> None:
        """Load what the registry names, live first, each in place once it is ready; drop what it no longer names.

        Args:
          also: releases that an interleaving names, or that a rollback would bring back; those that answer nobody any
            more are loaded too.
        """
        self._also = also
        releases, tried = self._read(), set[str]()
        self._failed = {r.id: self._failed[r.id] for r in releases if r.id in self._failed}
        self._place(releases)
        while (due := next((r.id for r in releases if r.id not in tried and self._due(r.id)), None)) is not None:
            tried.add(due)
            self._take(due)
            # Orders may have been given while it was loaded.
            releases = self._read()
            self._place(releases)
        named = {release.id for release in releases}
        if self.fleet.live is not None:
            named.add(self.fleet.live.release)
        self._bundles = {name: bundle for name, bundle in self._bundles.items() if name in named}
        self._refreshed = {name: window for name, window in self._refreshed.items() if name in self._bundles}

    @property
    def bundles(self) -> dict[str, Bundle]:
        """Release -> bundle of everything in memory."""
        return dict(self._bundles)

    def _read(self) -> list[Release]:
        """What the registry names, in the order in which it is loaded."""
        releases = sorted(self._registry.releases(*_SERVED), key=lambda r: _SERVED.index(Stage(r.stage)))
        others = (self._registry.release(name) for name in self._also if name not in {r.id for r in releases})
        return releases + [r for r in others if r is not None and r.stage in _SHOWN]

    def _rest(self) -> GivingWay | None:
        """Gives way where pages are answered; a service that starts keeps nobody waiting."""
        return None if self.fleet.live is None else GivingWay(self._is_busy, self._follow)

    def _follow(self) -> None:
        """Follow orders among what is in memory, such as a rollback, while another release is loaded for minutes."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + self._settings.serving.poll_s
        try:
            self._place(self._read())
            self._meanwhile()
        except Exception:  # loading goes on; it is looked at again after it
            REFRESH_FAILURES.labels(part="releases").inc()
            _logger.warning("looking at the registry failed while a release was loaded", exc_info=True)

    def _due(self, release: str) -> bool:
        return release not in self._bundles and time.monotonic() >= self._failed.get(release, ("", 0.0))[1]

    def _take(self, release: str) -> None:
        try:
            rest = self._rest()
            with uncollected() if rest is None else nullcontext():
                bundle = self._load(self._settings, release, rest)
                # Before its first page: it cannot rank what it was not told of.
                if self._snapshot is not None:
                    self._refresh(bundle, self._snapshot)
                    bundle.forget()
                    self._refreshed[release] = self._snapshot.window
            self._bundles[release] = bundle
        except Exception as error:  # whatever is wrong with it, the bundle that we have goes on
            _logger.exception("the bundle of %s cannot be served", release)
            BUNDLE_FAILURES.labels(release=release).inc()
            self._failed[release] = (_shown(error), time.monotonic() + self._settings.serving.retry_s)
        else:
            self._failed.pop(release, None)

    def _tell(self, bundle: Bundle, snapshot: Snapshot) -> None:
        # Once per snapshot, also when it fails: what failed would fail again at every look.
        self._refreshed[bundle.release] = snapshot.window
        try:
            self._refresh(bundle, snapshot)
        except Exception:  # it goes on with the videos that it knows, and the other bundles are told all the same
            REFRESH_FAILURES.labels(part="index").inc()
            _logger.exception("release %s does not know the snapshot of %s", bundle.release, snapshot.window)

    def _refresh(self, bundle: Bundle, snapshot: Snapshot) -> None:
        bundle.refresh(snapshot.table, windows.end(snapshot.window), self._rest())

    def _place(self, releases: Sequence[Release]) -> None:
        loaded = [Arm(r.id, Stage(r.stage), self._bundles[r.id]) for r in releases if r.id in self._bundles]
        live = next((arm for arm in loaded if arm.stage == Stage.LIVE), None)
        named = any(r.stage == Stage.LIVE for r in releases)
        if live is None and self.fleet.live is not None and named:
            # The new live bundle is not in memory yet, or never will be: the one we have goes on.
            old = self.fleet.live
            live = Arm(old.release, Stage.LIVE, old.bundle, stale=True)
        shares = {Stage.CANARY: self._settings.rollout.canary_share, Stage.RAMP: self._settings.rollout.ramp_share}
        rollout = tuple(
            sorted(
                ((arm, shares[arm.stage]) for arm in loaded if arm.stage in shares and arm is not live),
                key=lambda pair: pair[0].release,
            )
        )
        shadow = tuple(arm for arm in loaded if arm.stage == Stage.SHADOW)
        retired = tuple(arm for arm in loaded if arm.stage == Stage.RETIRED)
        failed = {name: why for name, (why, _) in self._failed.items()}
        new = Fleet(live, rollout, shadow, retired, failed)
        self._count(new)
        self.fleet = new

    def _count(self, fleet: Fleet) -> None:
        for present, number in ((self.fleet, 0), (fleet, 1)):
            for arm in (present.live, *(arm for arm, _ in present.rollout), *present.shadow, *present.retired):
                if arm is not None:
                    RELEASE.labels(release=arm.release, stage=arm.stage.value).set(number)
