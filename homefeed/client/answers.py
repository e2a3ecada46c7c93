"""What the service answers, as frozen objects. What a newer service adds is left out, so an old client goes on."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from homefeed.client.errors import RefusedError
from homefeed.client.events import Device, Event, Surface, impression

Made = TypeVar("Made")


@dataclass(frozen=True)
class Slot:
    """One video of a page.

    Attributes:
      slot: position, 0 first.
      topics: the main one first.
      duration_s: length in seconds.
      uploaded: when viewers could first watch it, ISO 8601.
      source: the candidate source that proposed it.
      score: its value, after diversity.
      propensity: probability that the policy put it here, given the slots above.
      explored: True when exploration chose the slot.
      why: one sentence for the viewer.
    """

    slot: int
    video: str
    title: str
    channel: str
    topics: tuple[str, ...]
    duration_s: float
    uploaded: str
    source: str
    score: float
    propensity: float
    explored: bool
    why: str


@dataclass(frozen=True)
class Page:
    """A page of videos, best first.

    Attributes:
      request_id: names the page in every event that it leads to.
      release: the release that chose it; empty before the first one.
      time: when it was made, ISO 8601.
      latency_ms: how long that took the service, in milliseconds.
      degraded: parts that failed and were replaced; empty on a good day.
      device, surface: as they were asked for.
    """

    request_id: str
    release: str
    user: str
    time: str
    latency_ms: float
    degraded: tuple[str, ...]
    videos: tuple[Slot, ...]
    device: Device
    surface: Surface

    def impression(self, slot: int, time: datetime | None = None) -> Event:
        """The event to send when the video in `slot` was on screen at `time` (timezone-aware; None: now).

        Raises:
          RefusedError: the page has no such slot.
        """
        if not 0 <= slot < len(self.videos):
            raise RefusedError(f"page {self.request_id} has the slots 0 to {len(self.videos) - 1}, not {slot}")
        shown = self.videos[slot]
        return impression(
            self.user,
            shown.video,
            request_id=self.request_id,
            slot=shown.slot,
            device=self.device,
            surface=self.surface,
            release=self.release or None,
            source=shown.source,
            score=shown.score,
            propensity=shown.propensity,
            explored=shown.explored,
            time=time,
        )


class ReleaseState(TypedDict, total=False):
    """One release in memory; `share` is of the viewers, while it is in rollout."""

    release: str
    stage: str
    stale: bool
    created: str
    windows: list[str]
    lake_versions: dict[str, int]
    metrics: dict[str, float]
    code_version: str
    share: float


class ServiceState(TypedDict, total=False):
    """What `GET /release` says: what is live, in rollout or could not be loaded, and how fresh candidates are."""

    live: ReleaseState | None
    rollout: list[ReleaseState]
    shadow: list[ReleaseState]
    failed: dict[str, str]
    snapshot: dict[str, Any] | None
    exploration: float
    knobs: dict[str, Any]
    time: str


def page_of(answer: Mapping[str, Any], device: Device, surface: Surface) -> Page:
    """The page of an answer to /recommend. Raises KeyError or TypeError when it is none."""
    videos = tuple(_made(Slot, {**video, "topics": tuple(video["topics"])}) for video in answer["videos"])
    asked = {"videos": videos, "degraded": tuple(answer["degraded"]), "device": device, "surface": surface}
    return _made(Page, {**answer, **asked})


def _made(kind: type[Made], values: Mapping[str, Any]) -> Made:
    return kind(**{field.name: values[field.name] for field in dataclasses.fields(kind)})  # type: ignore[arg-type]
