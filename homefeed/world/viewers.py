"""Live viewers: they fetch pages over HTTP, scroll, react and post their events, as a site's clients would."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np

from homefeed.client import Client, ClientError
from homefeed.client.events import Device
from homefeed.clock import clock
from homefeed.settings import Settings
from homefeed.world.reactions import Reactions, ReplayReactions, Visitor, WorldReactions
from homefeed.world.scroll import Event
from homefeed.world.site import WorldError

__all__ = ["LiveViewers", "Reactions", "ReplayReactions", "VisitReport", "WorldReactions"]

_BATCH = 5_000


@dataclass(frozen=True)
class VisitReport:
    """What a round of visits came to.

    Attributes:
      num_visits, num_failed: pages asked for, and those that were not answered.
      num_events: events that the service took.
      impressions, watches, feedback, uploads: events by type.
      latency_ms: of the pages, as the service says, shape [answered].
      error: why the first page failed; empty when none did.
    """

    num_visits: int
    num_failed: int
    num_events: int
    impressions: int
    watches: int
    feedback: int
    uploads: int
    latency_ms: tuple[float, ...]
    error: str


class LiveViewers:
    """Viewers of one service.

    Args:
      settings: `world.*` says how they behave.
      base_url: of the service, such as http://127.0.0.1:3000.
      reactions: who comes and what they do; None is the synthetic site whose history is under `settings.var`.
    """

    def __init__(self, settings: Settings, base_url: str, reactions: Reactions | None = None) -> None:
        self._world = settings.world
        self._reactions = reactions or WorldReactions(settings)
        self._clock = clock(settings.clock_file)
        self._rng = np.random.default_rng([settings.seed, 9])
        self._unsent: list[Event] = []
        self._client = Client(base_url, timeout_s=self._world.live_timeout_s, retries=0, max_events=_BATCH)

    def visit(self, num_visits: int, time: datetime) -> VisitReport:
        """So many viewers open the page at `time`, scroll and react; their events are posted.

        A page that fails is counted and not tried again.

        Raises:
          WorldError: the service did not take the events, which are kept for the next call; or it is of another site.
        """
        visitors = self._reactions.visitors(num_visits, time)
        with ThreadPoolExecutor(self._world.live_concurrency, "viewer") as pool:
            answers = list(pool.map(self._page, visitors))
        pages = [answer for answer in answers if isinstance(answer, dict)]
        errors = [answer for answer in answers if isinstance(answer, str)]
        self._unsent += self._reactions.react([page["user"] for page in pages], pages, time)
        count = Counter(event["type"] for event in self._unsent)
        return VisitReport(
            num_visits=len(visitors),
            num_failed=len(errors),
            num_events=self._post(),
            impressions=count["impression"],
            watches=count["watch"],
            feedback=count["feedback"],
            uploads=count["video"],
            latency_ms=tuple(float(page["latency_ms"]) for page in pages),
            error=errors[0] if errors else "",
        )

    def run(self, stop: threading.Event) -> None:
        """Visit by the clock, as many as the hour brings, until `stop` is set; a service that is down is retried."""
        before = self._clock()
        while not stop.wait(self._world.live_step_s):
            now = self._clock()
            expected = self._reactions.rate(now) * (now - before).total_seconds() * self._world.live_rate
            before = now
            try:
                self.visit(int(self._rng.poisson(max(expected, 0.0))), now)
            except ServiceDownError:
                # The events are kept and posted by a later round; who runs the service sees that it is down.
                continue
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _page(self, visitor: Visitor) -> dict[str, Any] | str:
        """The answer to one request and who saw it on what, or why there is none."""
        try:
            page = self._client.recommend(visitor.user, device=cast(Device, visitor.device))
        except ClientError as error:
            return str(error)
        # `asdict` would copy every value of every slot.
        return vars(page) | {"videos": [vars(slot) for slot in page.videos]}

    def _post(self) -> int:
        """Post all unsent events in batches; what is not taken stays unsent."""
        try:
            posted = self._client.send(self._unsent)
        except ClientError as error:
            self._unsent = list(map(dict, error.unsent))
            raise ServiceDownError(f"the service did not take {len(self._unsent)} events: {error}") from error
        self._unsent = []
        return posted


class ServiceDownError(WorldError):
    """The service does not take events; they are kept."""
