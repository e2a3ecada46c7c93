"""Ingestion: arrival windows of the event log become windows of the lake.

A window can be ingested again, after a kill, late or out of order, and the tables are the same: the journal is written
first, each table changes in one commit, and what is merged is a set.
"""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from homefeed import windows as w
from homefeed.errors import HomefeedError
from homefeed.ingest.batch import connect, read_batch
from homefeed.ingest.event_log import EventLog
from homefeed.ingest.journal import Entry, Journal, sizes
from homefeed.ingest.landing import collect
from homefeed.ingest.merge import Change, Merge
from homefeed.lake import Lake, LakeError, open_lake
from homefeed.registry import Registry, open_registry
from homefeed.settings import Settings

_MIB = 1 << 20


class IngestError(HomefeedError):
    """Arrival windows could not be brought into the lake; the tables are as they were."""


@dataclass(frozen=True)
class IngestReport:
    """What one run did; a run that is repeated reports the same.

    Attributes:
      arrivals: arrival windows that are now in the lake, in order.
      accepted: events that were new.
      quarantined: rows that broke the schema.
      duplicate: copies of events.
      touched: event windows whose content changed, in order.
    """

    arrivals: list[str]
    accepted: int
    quarantined: int
    duplicate: int
    touched: list[str]


def ingest_due(settings: Settings, until: str) -> IngestReport:
    """Collect the landing folder into arrival window `until`, and ingest every window up to it that is due.

    Due are `until` itself, windows that were never ingested, windows whose files have changed since, and those that an
    earlier run for `until` took along: a task that was killed after its commits reports them again.

    Raises:
      IngestError, LandingError: the disk is full, or a folder cannot be read or written.
    """
    w.start(until)
    collect(settings, until)
    log, journal = EventLog(settings.events_path), Journal(settings.events_path / ".journal")
    recorded = {row.window for row in _registry(settings).ingests()}
    due = [
        window
        for window in log.windows()
        if window < until and _is_due(journal.read(window), window in recorded, log.files(window), until)
    ]
    return ingest_windows(settings, [*due, until], run=until)


def _is_due(entry: Entry | None, is_recorded: bool, files: list[Path], until: str) -> bool:
    if entry is None or not is_recorded or not entry.committed:
        return True
    return entry.run == until or entry.files != sizes(files)


def ingest_windows(settings: Settings, windows: Sequence[str], run: str = "") -> IngestReport:
    """Bring arrival windows into the lake.

    Rows that break the schema go to the `quarantine` table of their arrival window. New events go to the window that
    their time belongs to, whatever window they arrived in.

    Args:
      settings: names the folders and the limits.
      windows: arrival windows; one without files is recorded as empty.
      run: the arrival window that the run is for, when there is one.

    Raises:
      IngestError: the disk is full, or a folder cannot be read or written; the tables are as they were
        before the batch.
    """
    ordered = sorted(set(windows))
    for window in ordered:
        w.start(window)
    log = EventLog(settings.events_path)
    with alone(settings):
        registry = _registry(settings)
        entries = [
            entry
            for batch in _batches(settings, log, ordered)
            for entry in _ingest(settings, log, registry, batch, run)
        ]
    return IngestReport(
        arrivals=ordered,
        accepted=sum(e.accepted for e in entries),
        quarantined=sum(e.quarantined for e in entries),
        duplicate=sum(e.valid - e.accepted for e in entries),
        touched=sorted({t for e in entries for t in e.touched}),
    )


def _registry(settings: Settings) -> Registry:
    return open_registry(settings.resolved_registry_url)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One ingestion at a time: it reads windows and replaces them. The lock ends with the process, however it ends."""
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
        lock = (settings.var / "ingest.lock").open("w")
    except OSError as error:
        raise IngestError(
            f"{settings.var} cannot be written: {error}. Set HOMEFEED_VAR to a folder that can"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _batches(settings: Settings, log: EventLog, windows: Sequence[str]) -> Iterator[list[str]]:
    """Windows in runs whose files are about `batch_mib` together."""
    batch: list[str] = []
    mib = 0.0
    for window in windows:
        size = sum(sizes(log.files(window)).values()) / _MIB
        if batch and mib + size > settings.ingest.batch_mib:
            yield batch
            batch, mib = [], 0.0
        batch.append(window)
        mib += size
    if batch:
        yield batch


def _ingest(settings: Settings, log: EventLog, registry: Registry, windows: Sequence[str], run: str) -> list[Entry]:
    journal, lake = Journal(settings.events_path / ".journal"), open_lake(settings.lake_path)
    files = {window: log.files(window) for window in windows}
    place = f"arrival windows {windows[0]}..{windows[-1]} of {settings.events_path}"
    try:
        entries = {window: Entry(window, sizes(files[window]), run=run) for window in windows}
        with connect(settings.ingest, settings.var / "spill") as connection:
            numbered = [(i, f) for i, window in enumerate(windows) for f in files[window]]
            read_batch(connection, settings.ingest, windows, numbered)
            merge = Merge(connection, lake, settings.ingest.dedup_horizon_windows)
            merge.prepare()
            changes = merge.changes()
            quarantine = _quarantine(connection, windows, numbered)
            _count(entries, windows, merge, quarantine, journal)
        for entry in entries.values():
            journal.write(entry)
        _commit(lake, changes, quarantine, windows)
        for entry in entries.values():
            registry.record_ingest(
                entry.window, entry.accepted, entry.quarantined, entry.valid - entry.accepted, entry.touched
            )
            journal.write(replace(entry, committed=True))
    except (OSError, DeltaError, LakeError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise IngestError(
            f"{place} could not be ingested into {settings.lake_path}: {error}. The tables are as they were; free the "
            "disk or set HOMEFEED_VAR to another folder, then run the window again"
        ) from error
    return list(entries.values())


def _quarantine(
    connection: duckdb.DuckDBPyConnection, windows: Sequence[str], files: Sequence[tuple[int, Path]]
) -> pa.Table:
    named = pa.table(
        {
            "file": pa.array(range(len(files)), pa.int32()),
            "window": pa.array([windows[i] for i, _ in files], pa.string()),
            "name": pa.array([f"{windows[i]}/{f.name}" for i, f in files], pa.string()),
        }
    )
    connection.register("file_names", named)
    return connection.sql(
        'SELECT "window", name AS file, line, reason, raw FROM bad JOIN file_names USING (file)'
        ' ORDER BY "window", name, line'
    ).to_arrow_table()


def _count(
    entries: dict[str, Entry], windows: Sequence[str], merge: Merge, quarantine: pa.Table, journal: Journal
) -> None:
    """Fill the entries. What an earlier run of the same window accepted is in the lake now, and still counts as new."""
    for arrival, (valid, accepted, touched) in merge.counts().items():
        entry = entries[windows[arrival]]
        entry.valid, entry.accepted, entry.touched = valid, accepted, sorted(touched)
    for arrival, late in merge.late(windows).items():
        entries[windows[arrival]].late = late
    for count in quarantine.group_by("window").aggregate([([], "count_all")]).to_pylist():
        entries[count["window"]].quarantined = count["count_all"]
    for entry in entries.values():
        before = journal.read(entry.window)
        if before is None:
            continue
        if before.files == entry.files:
            entry.accepted, entry.late = before.accepted, before.late
        elif before.committed:
            entry.accepted, entry.late = entry.accepted + before.accepted, entry.late + before.late
        else:
            entry.accepted, entry.late = max(before.accepted, entry.accepted), max(before.late, entry.late)
        entry.touched = sorted({*before.touched, *entry.touched})
        entry.run = entry.run or before.run


def _commit(lake: Lake, changes: Sequence[Change], quarantine: pa.Table, windows: Sequence[str]) -> None:
    """One commit per table; when one fails, those before it are taken back."""
    steps = [(c.table, c.windows, c.rows) for c in changes]
    if quarantine.num_rows or set(windows) & set(lake.windows("quarantine")):
        steps.append(("quarantine", list(windows), quarantine))
    done: list[tuple[str, int]] = []
    for table, replaced, rows in steps:
        before = lake.version(table)
        try:
            lake.replace(table, replaced, rows)
        except BaseException:
            for earlier, version in reversed(done):
                lake.restore(earlier, max(version, 0))
            raise
        done.append((table, before))
