"""Events as a site sends them: what was on screen, what was watched and what viewers said of it.

Each constructor gives its event an id of its own. The id is what makes sending it again harmless: the platform counts
an id once, so keep the event, not the arguments, until it is sent.
"""

import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from homefeed.client.errors import RefusedError

Device: TypeAlias = Literal["phone", "tablet", "desktop", "tv", "other"]
Surface: TypeAlias = Literal["home", "search", "channel", "watch_next", "other"]
Kind: TypeAlias = Literal["like", "dislike", "comment", "share", "subscribe", "not_interested", "report"]
#: A flat JSON object, as docs/events.md describes it.
Event: TypeAlias = dict[str, Any]


def impression(
    user: str,
    video: str,
    *,
    request_id: str,
    slot: int,
    device: Device,
    surface: Surface = "home",
    release: str | None = None,
    source: str | None = None,
    score: float | None = None,
    propensity: float | None = None,
    explored: bool | None = None,
    time: datetime | None = None,
) -> Event:
    """A video was on screen; `Page.impression` fills in what the page knows.

    Args:
      user, video: ids of 1 to 64 bytes.
      request_id: of the page that showed it.
      slot: position on that page, 0 first.
      device, surface: what and where it was shown on.
      release, source, score, propensity, explored: as the page says; evaluation needs the propensity.
      time: when, timezone-aware; None is now.

    Raises:
      RefusedError: `time` has no time zone.
    """
    known = {"release": release, "source": source, "score": score, "propensity": propensity, "explored": explored}
    shown = {"request_id": request_id, "slot": slot, "surface": surface, "device": device}
    return _event("impression", time, user=user, video=video, **shown, **known)


def watch(
    user: str, video: str, seconds: float, *, request_id: str | None = None, start: datetime | None = None
) -> Event:
    """A viewer watched a video; make it when the watch ends or pauses.

    Args:
      user, video: ids of 1 to 64 bytes.
      seconds: watch time.
      request_id: of the page that led to it; None when no page did.
      start: when the watch started, timezone-aware; None is `seconds` ago: it ends now.

    Raises:
      RefusedError: `start` has no time zone, or `seconds` is no length of time.
    """
    if not 0 <= seconds < math.inf:
        raise RefusedError(f"a watch of {seconds} s is none; give the watch time in seconds, 0 or more")
    start = datetime.now(UTC) - timedelta(seconds=seconds) if start is None else start
    return _event("watch", start, user=user, video=video, request_id=request_id, seconds=seconds)


def feedback(
    user: str, video: str, kind: Kind, *, request_id: str | None = None, time: datetime | None = None
) -> Event:
    """A viewer said something about a video.

    Args:
      user, video: ids of 1 to 64 bytes.
      kind: what was said.
      request_id: of the page that showed the video; None when no page did.
      time: when, timezone-aware; None is now.

    Raises:
      RefusedError: `time` has no time zone.
    """
    return _event("feedback", time, user=user, video=video, request_id=request_id, kind=kind)


def new_id() -> str:
    """An id that no other event has."""
    return f"e-{uuid.uuid4().hex}"


def _event(event_type: str, time: datetime | None, **fields: Any) -> Event:
    happened = datetime.now(UTC) if time is None else time
    if happened.tzinfo is None:
        raise RefusedError(
            f"{happened.isoformat()} has no time zone; give a {event_type} a time such as datetime.now(UTC)"
        )
    known = {name: value for name, value in fields.items() if value is not None}
    return {"event_id": new_id(), "type": event_type, "time": happened.isoformat(), **known}
