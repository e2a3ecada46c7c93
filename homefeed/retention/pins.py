"""Restored windows, and until when they stay at hand: the archive leaves them alone."""

from dataclasses import asdict, dataclass
from datetime import datetime

import orjson

from homefeed.object_store import ObjectStore

_NAME = "restored.json"


@dataclass(frozen=True)
class Pin:
    """A range of restored windows.

    Attributes:
      first, last: both included.
      until: ISO 8601 time.
    """

    first: str
    last: str
    until: str


def read_pins(store: ObjectStore, now: datetime) -> list[Pin]:
    """The pins that hold at `now`."""
    held = [Pin(**pin) for pin in orjson.loads(store.read(_NAME) or b"[]")]
    return [pin for pin in held if datetime.fromisoformat(pin.until) > now]


def add_pin(store: ObjectStore, first: str, last: str, until: datetime, now: datetime) -> None:
    """Hold a range of windows until `until`; pins that have ended go."""
    pins = [*read_pins(store, now), Pin(first, last, until.isoformat())]
    store.write(_NAME, orjson.dumps([asdict(pin) for pin in pins]))


def is_pinned(pins: list[Pin], window: str) -> bool:
    """Whether a window is held."""
    return any(pin.first <= window <= pin.last for pin in pins)
