"""The archive: windows that are no longer hot leave event log and lake once their copies were read back."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from homefeed import windows as w
from homefeed.ingest.batch import connect
from homefeed.ingest.event_log import EventLog
from homefeed.ingest.journal import Journal, sizes
from homefeed.ingest.window import alone
from homefeed.lake import open_lake
from homefeed.object_store import ObjectStore
from homefeed.retention import event_packs, table_parts
from homefeed.retention.pins import Pin, is_pinned, read_pins
from homefeed.settings import Settings


@dataclass(frozen=True)
class ArchiveReport:
    """What one run did; after a run that was cut short, the next one does the rest.

    Attributes:
      until: the first window that stays.
      events: arrival windows that left the event log, in order.
      tables: rows that left each table of the lake.
      windows: windows of the lake that they were in, by table.
      waiting: arrival windows that stay because ingestion has not taken all of them in.
    """

    until: str
    events: list[str]
    tables: dict[str, int]
    windows: dict[str, list[str]]
    waiting: list[str]


@dataclass(frozen=True)
class ShipReport:
    """Arrival windows whose copy was made or brought up to date, in order, and the bytes of them in the archive."""

    shipped: list[str]
    size: int


def ship_closed(settings: Settings, until: str) -> ShipReport:
    """Copy every arrival window up to `until` that changed since it was copied last. Doing it again does nothing.

    A machine that is lost for good then takes with it no more than what arrived after `until`.

    Args:
      settings: names event log and archive.
      until: the newest arrival window that has ended.

    Raises:
      ArchiveError, StoreError: a copy failed; the windows before it are safe, and the next run goes on.
    """
    log, store = EventLog(settings.events_path), ObjectStore(settings.archive_place)
    shipped, size = [], 0
    for window in log.windows():
        mark = log.path / ".shipped" / f"{window}.json"
        files = sizes(log.files(window))
        if window > until or (mark.exists() and orjson.loads(mark.read_bytes()) == files):
            continue
        record = event_packs.ship(log, store, window)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_bytes(orjson.dumps({n: f["size"] for part in record.parts for n, f in part.files.items()}))
        shipped.append(window)
        size += sum(part.size for part in record.parts)
    return ShipReport(shipped, size)


def archive(settings: Settings, now: datetime) -> ArchiveReport:
    """Move what is older than `retention.hot_days` to the archive.

    Every window is copied, the copy is read back and held against the original (rows, digests), and only then the
    original goes. A run that is killed between the two is finished by the next: it finds the copy and checks it again.

    Args:
      settings: names event log, lake and archive.
      now: the time from which the age of a window counts, from its end.

    Raises:
      ArchiveError, StoreError: a copy failed. That window and those after it stay.
    """
    first_hot = w.window_of(now - timedelta(days=settings.retention.hot_days))
    store = ObjectStore(settings.archive_place)
    pins = read_pins(store, now)
    with alone(settings):
        events, waiting = _archive_events(settings, store, first_hot, pins)
        moved, rows = _archive_tables(settings, store, first_hot, pins)
    return ArchiveReport(first_hot, events, rows, moved, waiting)


def _archive_events(
    settings: Settings, store: ObjectStore, first_hot: str, pins: list[Pin]
) -> tuple[list[str], list[str]]:
    log, journal = EventLog(settings.events_path), Journal(settings.events_path / ".journal")
    event_packs.sweep(log)
    gone, waiting = [], []
    for window in log.windows():
        if window >= first_hot or is_pinned(pins, window):
            continue
        entry = journal.read(window)
        if entry is None or not entry.committed or entry.files != sizes(log.files(window)):
            waiting.append(window)
            continue
        event_packs.ship(log, store, window)
        event_packs.remove(log, store, window)
        (log.path / ".shipped" / f"{window}.json").unlink(missing_ok=True)
        gone.append(window)
    return gone, waiting


def _archive_tables(
    settings: Settings, store: ObjectStore, first_hot: str, pins: list[Pin]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    lake = open_lake(settings.lake_path)
    moved: dict[str, list[str]] = {}
    rows: Counter[str] = Counter()
    with connect(settings.ingest, settings.var / "spill") as connection:
        lake.attach(connection)
        for table in table_parts.TABLES:
            old = [name for name in lake.windows(table) if name < first_hot and not is_pinned(pins, name)]
            for window in old:
                table_parts.copy_window(connection, lake, store, table, window, settings.var / "spill")
                rows[table] += lake.read(table, (window, window), columns=["window"]).num_rows
            if old:
                lake.replace(table, old, lake.schemas[table].empty_table())
                moved[table] = old
    return moved, dict(rows)
