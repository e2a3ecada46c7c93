"""Archived windows back at hand: as they were, or ingested once more from the event log."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from homefeed import windows as w
from homefeed.errors import HomefeedError
from homefeed.ingest.batch import connect
from homefeed.ingest.event_log import EventLog
from homefeed.ingest.window import IngestReport, alone, ingest_windows
from homefeed.lake import open_lake
from homefeed.object_store import ObjectStore
from homefeed.retention import event_packs, table_parts
from homefeed.retention.copies import archived_windows
from homefeed.retention.pins import add_pin
from homefeed.settings import Settings


class RestoreError(HomefeedError):
    """There is nothing to restore, or the range is none."""


@dataclass(frozen=True)
class RestoreReport:
    """What came back.

    Attributes:
      events: arrival windows of the event log, in order.
      rows: rows of each table of the lake.
      until: until when the archive leaves them alone, ISO 8601.
      replayed: what ingestion found in them, when it was asked.
    """

    events: list[str]
    rows: dict[str, int]
    until: str
    replayed: IngestReport | None


def restore(settings: Settings, first: str, last: str, now: datetime, *, is_replayed: bool = False) -> RestoreReport:
    """Bring windows `first` to `last` (both included) back into event log and lake; they stay in the archive too.

    Doing it again does nothing more. With `is_replayed` the lake is left to ingestion, which reads the arrival
    windows once more: after a mistake in a check or a table, the rows are those that it makes today.

    Raises:
      RestoreError: the archive has none of these windows, or `last` is before `first`.
      ArchiveError: a copy is damaged; the windows before it are back.
    """
    if w.start(first) > w.start(last):
        raise RestoreError(f"{first} is after {last}: give the first window to restore, then the last")
    store = ObjectStore(settings.archive_place)
    events = [name for name in archived_windows(store, event_packs.KIND) if first <= name <= last]
    tables = {
        table: [name for name in archived_windows(store, table_parts.kind(table)) if first <= name <= last]
        # The other way round than they left: exposures before the impressions that they are made from.
        for table in reversed(table_parts.TABLES)
    }
    if not events and not any(tables.values()):
        raise RestoreError(
            f"{store.folder} holds no window from {first} to {last}; HOMEFEED_RETENTION__ARCHIVE_URL or"
            " HOMEFEED_STORAGE__URL names the archive"
        )
    until = now + timedelta(days=settings.retention.restored_days)
    # First of all: an archive that runs meanwhile would take them away again.
    add_pin(store, first, last, until, now)
    log = EventLog(settings.events_path)
    rows: dict[str, int] = {}
    for window in events:
        event_packs.unpack(log, store, window)
    if is_replayed:
        return RestoreReport(events, {}, until.isoformat(), ingest_windows(settings, events) if events else None)
    lake = open_lake(settings.lake_path)
    with alone(settings), connect(settings.ingest, settings.var / "spill") as connection:
        lake.attach(connection)
        for table, names in tables.items():
            for window in names:
                found = table_parts.rows_of(connection, lake, store, table, window, settings.var / "spill")
                lake.replace(table, [window], found)
                rows[table] = rows.get(table, 0) + found.num_rows
    return RestoreReport(events, rows, until.isoformat(), None)
