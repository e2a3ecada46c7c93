"""An act: what a viewer did a moment ago, from an event that ingestion has not brought into the viewer's row yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from homefeed import ids
from homefeed.schema.events import FEEDBACK

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROFILE = ("country", "language", "age", "blocked_channels")
#: Event types that can change what a viewer is shown.
TYPES = frozenset({"watch", "feedback", "user"})


@dataclass(frozen=True)
class Act:
    """One act.

    Attributes:
      user: key of the viewer.
      event_id: id of the event; an act that arrives again counts once.
      time_us: when it happened, microseconds since 1970 UTC.
      kind: `watch`, `profile`, or the kind of feedback.
      video: key of the video; 0 for a profile.
      seconds: watch time; 0 for others.
      profile: `country`, `language`, `age` and `blocked_channels` (keys) of a profile; empty for others.
    """

    user: int
    event_id: str
    time_us: int
    kind: str
    video: int = 0
    seconds: float = 0.0
    profile: Mapping[str, Any] | None = None

    def dump(self) -> bytes:
        """The act as bytes; the same act has the same bytes."""
        return orjson.dumps(
            [self.user, self.event_id, self.time_us, self.kind, self.video, self.seconds, self.profile],
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def load(cls, written: bytes) -> "Act":
        """The act of `dump`."""
        return cls(*orjson.loads(written))


def acts_of(
    events: Iterable[Mapping[str, Any]], arrival: datetime, max_late: timedelta, max_future: timedelta
) -> list[Act]:
    """The acts among events that arrived at `arrival`.

    Left out is what ingestion would put into quarantine, what is more than `max_late` old (its row is of long ago, and
    a profile of then must not cover a newer one) or more than `max_future` ahead.
    """
    acts = []
    for event in events:
        if event["type"] not in TYPES:
            continue
        try:
            act = _act_of(event, arrival - max_late, arrival + max_future)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            continue  # ingestion says what is wrong with it, with file and line
        if act is not None:
            acts.append(act)
    return acts


def act_of_row(row: Mapping[str, Any]) -> Act:
    """The act of a row of the lake's `watches`, `feedback` or `users`, with the name of its `table`."""
    made = (row["user"], row["event_id"], _us(row["time"]))
    if row["table"] == "users":
        return Act(*made, "profile", profile={name: row[name] for name in _PROFILE})
    if row["table"] == "watches":
        return Act(*made, "watch", row["video"], row["seconds"])
    return Act(*made, row["kind"], row["video"])


def _us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _act_of(event: Mapping[str, Any], oldest: datetime, newest: datetime) -> Act | None:
    time = datetime.fromisoformat(event["time"])
    if time.tzinfo is None or not oldest <= time <= newest:
        return None
    made = (ids.key(event["user"]), event["event_id"], _us(time))
    if event["type"] == "user":
        profile = {name: event.get(name) for name in _PROFILE}
        profile["blocked_channels"] = [ids.key(channel) for channel in event.get("blocked_channels") or []]
        return Act(*made, "profile", profile=profile)
    video = ids.key(event["video"])
    if event["type"] == "watch":
        seconds = float(event["seconds"])
        return Act(*made, "watch", video, seconds) if 0 <= seconds < float("inf") else None
    kind = event["kind"]
    return Act(*made, kind, video) if kind in FEEDBACK else None
