"""What comes in: how much, how much of it is broken, and how much comes twice."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from homefeed import windows
from homefeed.registry import Ingest, Registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement

#: Newest arrival windows that the shares are taken over, and those before that the volume is compared with.
_NEWEST, _BEFORE = 3, 6


def intake(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`quarantined_share` and `duplicate_share` of the newest arrival windows, and `volume_ratio`: accepted events of
    the newest window over the median of the ones before. None with fewer than `alerts.min_events`."""
    first = windows.shift(windows.window_of(now), -24 * 6)
    rows = registry.ingests(since=first)
    newest = rows[-_NEWEST:]
    accepted, quarantined, duplicate = (
        sum(getattr(row, name) for row in newest) for name in ("accepted", "quarantined", "duplicate")
    )
    num = accepted + quarantined + duplicate
    is_enough = num >= settings.alerts.min_events
    share = {name: part / num if is_enough else None for name, part in (("q", quarantined), ("d", duplicate))}
    return [
        Measurement(
            "quarantined_share", {}, share["q"], f"{quarantined} of {num} events of the newest {len(newest)} windows."
        ),
        Measurement(
            "duplicate_share", {}, share["d"], f"{duplicate} of {num} events of the newest {len(newest)} windows."
        ),
        Measurement("volume_ratio", {}, _volume_ratio(settings, registry, rows)),
    ]


def _volume_ratio(settings: Settings, registry: Registry, rows: Sequence[Ingest]) -> float | None:
    # A history that was brought in at once says nothing about what a window of today holds.
    begin = registry.first_live_at()
    since = windows.window_of(begin) if begin is not None else None
    rows = [row for row in rows if since is not None and row.window > since]
    before = [row.accepted for row in rows[-_BEFORE - 1 : -1]]
    usual = median(before) if len(before) == _BEFORE else 0.0
    return rows[-1].accepted / usual if usual >= settings.alerts.min_events else None
