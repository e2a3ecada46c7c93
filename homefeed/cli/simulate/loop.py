"""One policy on the synthetic site for some days: pages, reactions, event log, features, training, and again."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from homefeed import windows
from homefeed.cli.headless import quiet
from homefeed.cli.simulate.outcome import Outcome
from homefeed.cli.simulate.platform import publish, refit, train
from homefeed.cli.simulate.policies import Policy
from homefeed.cli.simulate.start import END
from homefeed.ingest.event_log import EventLog
from homefeed.registry import Stage
from homefeed.settings import Settings
from homefeed.world.activity import visits
from homefeed.world.reactions import WorldReactions
from homefeed.world.vocabulary import DEVICES
from serving.answer import page_of
from serving.bundle import load_bundle
from serving.draft import Draft
from serving.fleet import Arm
from serving.request import PageRequest
from serving.snapshot import Snapshot
from serving.viewer import open_online_store, viewer_of

if TYPE_CHECKING:
    from models.bundle import Bundle

_WINDOW_US = windows.WINDOW_S * 1_000_000
#: A page is opened this long after the window began, as all of the window are.
_OPENED = timedelta(minutes=3)


@dataclass(frozen=True)
class Plan:
    """How long a simulation runs, and how often features are published and models trained, in windows."""

    days: int
    features_every: int
    train_every: int


class Loop:
    """One run of one policy over one site that `make_start` prepared. What libraries print goes to the file `log`.

    The visits, and chance of every window's reactions, depend on the seed and the window alone: policies that show the
    same page see the same reaction.
    """

    def __init__(self, settings: Settings, policy: Policy, release: str, plan: Plan, log: Path) -> None:
        self._settings, self._policy, self._plan, self._libraries = settings, policy, plan, log
        self._reactions = WorldReactions(settings, END)
        self._log = EventLog(settings.events_path)
        self._read = open_online_store(settings)
        self._arm: Arm | None = None
        with quiet(log):
            self._take_snapshot(max(settings.snapshots_path.glob("*.arrow")))
            self._take_release(release)
            self._refit()

    def run(self, progress: Callable[[float], object]) -> Outcome:
        """Everything that happened; `progress` is told how many windows are done."""
        site, plan = self._reactions.site, self._plan
        outcome = Outcome(site, END, plan.days)
        first = windows.window_of(END)
        waiting: list[str] = []
        for number, window in enumerate(windows.span(first, windows.shift(first, 144 * plan.days - 1)), start=1):
            events = self._visit(window)
            outcome.add(events)
            self._log.append(list(map(orjson.dumps, events)), windows.start(window) + timedelta(minutes=9))
            waiting.append(window)
            if number % plan.features_every == 0 and number < 144 * plan.days:
                with quiet(self._libraries):
                    self._take_snapshot(publish(self._settings, waiting))
                    if self._policy.is_trained and number % plan.train_every == 0:
                        self._take_release(train(self._settings, windows.shift(window, -1)))
                    self._refit()
                waiting = []
            progress(1)
        return outcome

    def _visit(self, window: str) -> list[dict[str, Any]]:
        """The visits of a window and what follows, as events."""
        site, start = self._reactions.site, windows.start(window)
        number = round(start.timestamp()) // windows.WINDOW_S
        made = visits(site, round(start.timestamp() * 1e6), _WINDOW_US, np.random.default_rng([site.seed, 10, number]))
        users = site.viewer_ids.take(pa.array(made.viewer)).to_pylist()
        devices = [DEVICES[device] for device in made.device]
        time = start + _OPENED
        pages = [
            self._page(user, device, time, f"{window}-{place}")
            for place, (user, device) in enumerate(zip(users, devices, strict=True))
        ]
        self._reactions.draw_from(np.random.default_rng([site.seed, 11, number]))
        return self._reactions.react(users, pages, time)

    def _page(self, user: str, device: Any, time: datetime, visit: str) -> dict[str, Any]:
        draft = Draft(
            request_id="s-" + hashlib.blake2b(f"{self._settings.seed} {visit}".encode(), digest_size=16).hexdigest(),
            request=PageRequest(user=user, device=device),
            time=time,
            viewer=viewer_of(self._read(user)),
            snapshot=self._snapshot,
            bundle=self._arm.bundle if self._arm else None,
            settings=self._settings.serving,
            exploration=self._policy.exploration or 0.0,
        )
        return {**page_of(self._policy.page(draft), self._arm.release if self._arm else ""), "device": device}

    def _take_snapshot(self, path: Path) -> None:
        self._snapshot = Snapshot.read(path).prepared()
        if self._arm is not None:
            self._arm.bundle.refresh(self._snapshot.table, windows.end(self._snapshot.window))

    def _take_release(self, release: str) -> None:
        if self._policy.is_trained:
            self._arm = Arm(release, Stage.LIVE, load_bundle(self._settings, release))
            self._arm.bundle.refresh(self._snapshot.table, windows.end(self._snapshot.window))

    def _refit(self) -> None:
        """As the platform does for a release that answers, also for one that begins to."""
        if self._arm is not None:
            bundle: Bundle = self._arm.bundle  # type: ignore[assignment]
            refit(self._settings, bundle, windows.shift(self._snapshot.window, -1))
