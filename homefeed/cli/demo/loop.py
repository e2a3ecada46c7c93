"""The whole loop, twice: history to a live release, a page, reactions, a second release, a page again."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from homefeed import windows
from homefeed.cli.demo.profile import VISIT_WINDOWS
from homefeed.cli.demo.site import Site
from homefeed.cli.headless import Headless
from homefeed.client import Client
from homefeed.clock import set_clock
from homefeed.registry import Registry, Stage
from homefeed.settings import Settings

#: Pages asked for in one window of visits, and in one window of a rollout.
VISITS = 60
ROLLOUT_VISITS = 120
FINAL = (Stage.LIVE, Stage.RETIRED, Stage.ROLLED_BACK)


@dataclass
class Facts:
    """What the loop found out, to be judged and printed."""

    stages: list[dict[str, Any]] = field(default_factory=list)
    extras: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)
    num_visits: int = 0
    num_posted: int = 0


class Loop:
    """One run of the demo over one site, one Airflow and one service."""

    def __init__(self, settings: Settings, site: Site, airflow: Headless, registry: Registry, facts: Facts) -> None:
        self._settings, self._site, self._airflow, self._registry = settings, site, airflow, registry
        self.facts = facts
        assert settings.clock_file is not None
        self._clock_file = settings.clock_file

    def first_release(self, end: datetime) -> None:
        """From the event log to the first release that is LIVE, by the DAGs."""
        from homefeed.ingest.event_log import EventLog

        set_clock(self._clock_file, end)
        arrived = EventLog(self._settings.events_path).windows()
        self._gather(self._airflow.run("bootstrap", {"first": min(arrived), "last": max(arrived)}))
        self._gather(self._airflow.drain())

    def serve(self, url: str, end: datetime, looks: int, stage: Callable[[str], Any]) -> None:
        """Pages, reactions and the second release, which gets at most so many more looks, against the service at
        `url`."""
        from homefeed.world.viewers import LiveViewers

        viewers = LiveViewers(self._settings, url, self._site.reactions)
        user = self._site.viewer(self._settings)
        window = windows.window_of(end)
        with stage("page"):
            set_clock(self._clock_file, end + timedelta(minutes=2))
            self._page(url, user, react=True)
        with stage("viewers"):
            for last in windows.span(window, windows.shift(window, VISIT_WINDOWS - 1)):
                self._visit(viewers, last, VISITS)
        # Exposures of a window exist once the window after it is ingested as well.
        after = windows.shift(last, 1)
        self._visit(viewers, after, VISITS)
        self._ingest(after)
        for _ in range(looks):
            release = self._newest_release()
            if release.stage in FINAL:
                break
            after = windows.shift(after, 1)
            with stage("viewers"):
                self._visit(viewers, after, ROLLOUT_VISITS)
            self._ingest(after)
        with stage("page"):
            self._page(url, user, react=False)

    def _ingest(self, window: str) -> None:
        set_clock(self._clock_file, windows.end(window) + timedelta(seconds=5))
        self._gather(self._airflow.run("ingest_events", {"window": window}))
        self._gather(self._airflow.drain())

    def _visit(self, viewers: Any, window: str, num: int) -> None:
        at = windows.start(window) + timedelta(minutes=3)
        set_clock(self._clock_file, at)
        report = viewers.visit(num, at)
        self.facts.num_visits += num
        self.facts.num_posted += report.num_events

    def _page(self, url: str, user: str, react: bool) -> None:
        began = time.perf_counter()
        with Client(url, timeout_s=30) as client:
            page: dict[str, Any] = asdict(client.recommend(user, device="desktop"))
            page["http_ms"] = (time.perf_counter() - began) * 1000
            self.facts.pages.append(page)
            if react:
                events = self._site.reactions.react([user], [page], datetime.fromisoformat(page["time"]))
                self.facts.num_posted += client.send(events)

    def _newest_release(self) -> Any:
        return self._registry.releases()[-1]

    def _gather(self, emitted: dict[str, list[dict[str, Any]]]) -> None:
        for asset, extras in emitted.items():
            self.facts.extras.setdefault(asset, []).extend(extras)
