"""Freshness: how old the newest of everything is that the platform makes again and again. Read from lake and registry,
so that it is told also when no scheduler runs."""

from dataclasses import dataclass
from datetime import datetime

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.registry import Registry
from homefeed.settings import Settings

#: Tables that every window with viewers changes. Quarantine, feedback and the catalogue may rest for hours.
TABLES = (
    "impressions",
    "exposures",
    "user_state",
    "user_aggregates",
    "video_aggregates",
    "channel_aggregates",
    "topic_aggregates",
)


@dataclass(frozen=True)
class Freshness:
    """The age of one thing.

    Attributes:
      kind: `arrivals` (ingested windows), `table`, `snapshot` (candidate features), `release` (the live one: its
        models and its index) or `bundle` (the newest release in any stage: what training makes).
      name: the table or the release; the kind again where there is only one.
      newest: end of its newest window, or when the release was made; None when there is nothing.
      age_s: time since then [s]; never below 0, and None while nothing has ever been live.
    """

    kind: str
    name: str
    newest: datetime | None
    age_s: float | None


def freshness(settings: Settings, registry: Registry, now: datetime) -> list[Freshness]:
    """The age of every table, the snapshot, the live release and the newest bundle.

    A platform that was never live is being built up, and nothing of it is late. What was made before it went live
    counts from that moment, so that a history that ends in the past is not late at once.
    """
    releases = registry.releases()
    live = registry.live()
    begin = registry.first_live_at()
    lake = open_lake(settings.lake_path)
    found: list[tuple[str, str, datetime | None]] = [("arrivals", "arrivals", _end(registry.watermark()))]
    found += [("table", name, _end(max(lake.windows(name), default=None))) for name in TABLES]
    snapshots = [file.stem for file in settings.snapshots_path.glob("*.arrow")]
    found.append(("snapshot", "snapshot", _end(max(snapshots, default=None))))
    if live is not None:
        found.append(("release", live.id, live.created))
    if releases:
        found.append(("bundle", "bundle", releases[-1].created))
    return [Freshness(kind, name, newest, _age_s(newest, begin, now)) for kind, name, newest in found]


def _end(window: str | None) -> datetime | None:
    return windows.end(window) if window is not None else None


def _age_s(newest: datetime | None, begin: datetime | None, now: datetime) -> float | None:
    if begin is None:
        return None
    return max((now - max(newest or begin, begin)).total_seconds(), 0.0)
