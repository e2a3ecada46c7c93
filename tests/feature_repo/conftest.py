"""A site written by hand: a few events at stated times, committed to the lake as ingestion would."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from homefeed import ids
from homefeed.lake import Lake, open_lake
from homefeed.registry import open_registry
from homefeed.schema import TABLES
from homefeed.settings import Settings
from homefeed.windows import window_of

#: Every test's day; times are written as `22:10:05` of it, or `1 22:10` for the day after.
DAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(clock: str) -> datetime:
    """`22:10:05.5` of the day, with a leading `-1 ` or `1 ` for days before and after."""
    days, _, time = clock.rpartition(" ")
    hours, minutes, seconds = (*time.split(":"), "0")[:3]
    return DAY + timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def window(clock: str) -> str:
    """The window that holds a time of the day."""
    return window_of(at(clock))


class HandmadeSite:
    """Collects events and commits them by window."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lake: Lake = open_lake(settings.lake_path)
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._num_events = 0

    def video(self, video: str, channel: str = "c", topics: Sequence[str] = ("t",), **values: Any) -> None:
        """A catalogue event at `clock`, the day's first second by default."""
        row = {
            "video_id": video,
            "channel": ids.key(channel),
            "channel_id": channel,
            "title": video.title(),
            "topics": list(topics),
            "duration_s": 100.0,
            "language": "en",
            "uploaded": at("-1 0:00"),
            "countries": [],
            "min_age": 0,
            "withdrawn": False,
        }
        self._add("videos", values.pop("clock", "0:00"), video=ids.key(video), **{**row, **values})

    def user(self, user: str, clock: str = "0:00", **values: Any) -> None:
        """A profile event."""
        row = {"user_id": user, "country": "DE", "language": "de", "age": 34, "blocked_channels": []}
        self._add("users", clock, user=ids.key(user), **{**row, **values})

    def impression(self, user: str, video: str, clock: str, **values: Any) -> str:
        """An impression; returns its event id."""
        row = {"request_id": "r", "slot": 0, "surface": "home", "device": "phone"}
        return self._add("impressions", clock, user=ids.key(user), video=ids.key(video), **{**row, **values})

    def watch(self, user: str, video: str, clock: str, seconds: float = 30.0) -> None:
        """A watch that starts at `clock`."""
        self._add("watches", clock, user=ids.key(user), video=ids.key(video), seconds=seconds)

    def feedback(self, user: str, video: str, clock: str, kind: str) -> None:
        """A like, dislike and so on."""
        self._add("feedback", clock, user=ids.key(user), video=ids.key(video), kind=kind)

    def commit(self, watermark: str | None = None) -> list[str]:
        """Put every event so far into the lake; returns the windows touched and moves the registry's watermark."""
        touched = set()
        for table, rows in self._rows.items():
            names = sorted({row["window"] for row in rows})
            self.lake.replace(table, names, pa.Table.from_pylist(rows, schema=TABLES[table]))
            touched.update(names)
        if watermark is not None:
            registry = open_registry(self.settings.resolved_registry_url)
            registry.record_ingest(window(watermark), self._num_events, 0, 0, sorted(touched))
        return sorted(touched)

    def _add(self, table: str, clock: str, **values: Any) -> str:
        self._num_events += 1
        time = at(clock)
        row = dict.fromkeys(TABLES[table].names) | {"event_id": f"e-{self._num_events:04d}", "time": time} | values
        self._rows.setdefault(table, []).append({**row, "window": window_of(time)})
        return f"e-{self._num_events:04d}"


@pytest.fixture
def site(settings: Settings) -> HandmadeSite:
    """An empty site whose lake is under the test's own `var`."""
    return HandmadeSite(settings)
