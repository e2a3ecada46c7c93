"""The lake: Delta tables on disk or in an object store.

A commit replaces exactly the windows it names, so it can be repeated in any order.
Run a window twice, after a crash, or late: the table is the same. A reader names the version it read; a manifest
records it, so that a model can be trained again on what it saw.
"""

import shutil
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from homefeed.lake_draft import draft_files
from homefeed.lake_error import LakeError, committing
from homefeed.object_store import ObjectStore, delta_options, filesystem
from homefeed.schema.tables import TABLES
from homefeed.settings.storage import Place, StoreFolder

__all__ = ["Lake", "LakeError", "open_lake"]


@dataclass(frozen=True)
class Lake:
    """All tables under one folder.

    Attributes:
      path: folder of the tables.
      schemas: the schema of each table, by name.
    """

    path: Place
    schemas: Mapping[str, pa.Schema]

    def location(self, table: str) -> Place:
        """Folder of `table`. Raises LakeError when there is no such table in the schema."""
        if table not in self.schemas:
            raise LakeError(f"there is no table {table!r}; tables are {', '.join(sorted(self.schemas))}")
        return self.path / table

    def replace(
        self, table: str, windows: Sequence[str], rows: pa.Table | pa.RecordBatchReader, since: int | None = None
    ) -> int:
        """Make `rows` the whole content of `windows`, in one commit; those of a reader are never all in memory.

        Args:
          table: name of the table.
          windows: the windows that are replaced; one without rows becomes empty.
          rows: the new content, with the table's columns; its `window` values are among `windows`.
          since: the version that `rows` were made from; a commit to the windows after it makes this one fail.

        Returns:
          The version of the table after the commit.

        Raises:
          LakeError: rows of other windows, columns that do not fit, or a store that refuses.
        """
        location, schema = self.location(table), self.schemas[table]
        if not windows:
            return self.version(table)
        if isinstance(rows, pa.Table):
            rows = self._fitting(table, windows, rows)
        else:
            chunks = (self._fitting(table, windows, pa.Table.from_batches([batch])) for batch in rows)
            rows = pa.RecordBatchReader.from_batches(schema, (b for chunk in chunks for b in chunk.to_batches()))
        predicate = f"window IN ({', '.join(repr(w) for w in windows)})"
        with committing(table, location):
            target = self._open(table, since) or self._create(table)
            write_deltalake(target, rows, mode="overwrite", predicate=predicate)
        return target.version()

    def draft(self, table: str) -> Place:
        """A folder inside the table for files that are no part of it yet; it does not exist, and is used once."""
        return self.location(table) / f"part-{uuid.uuid4().hex}"

    def adopt(
        self,
        table: str,
        windows: Sequence[str],
        draft: Place,
        num_rows: int,
        since: int | None = None,
        names: Collection[str] | None = None,
    ) -> int:
        """Make the Parquet files that another program wrote the whole content of `windows`, in one commit.

        Args:
          table: name of the table.
          windows: the windows that are replaced; one without files becomes empty.
          draft: what `draft` answered, with the files as `window=<window>/*.parquet`; they stay where they are.
          num_rows: rows that were written, counted by who wrote them.
          since: as in `replace`.
          names: the files that count, below the draft; None takes all.

        Returns:
          The version of the table after the commit.

        Raises:
          LakeError: files of other windows, or fewer rows than were written: what was written is not here.
          StoreError: the store refuses to show them.
        """
        files = draft_files(draft, names)
        found = sum(file.num_rows for file in files)
        if found != num_rows:
            raise LakeError(
                f"{num_rows} rows of {table} were written and {draft} holds {found}; nothing was committed. "
                "Is the lake on a disk, or in a store, that this machine and every worker share?"
            )
        self._refuse_strangers(table, windows, {file.window for file in files})
        location = self.location(table)
        folder = str(draft).removeprefix(f"{location}/")
        with committing(table, location):
            delta = self._open(table, since) or self._create(table)
            delta.create_write_transaction(
                [file.added(folder) for file in files],
                mode="overwrite",
                schema=delta.schema(),
                partition_by=["window"],
                partition_filters=[("window", "in", list(windows))],
            )
        return self.version(table)

    def read(
        self,
        table: str,
        windows: tuple[str, str] | None = None,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of a table, empty when nothing was ever committed.

        Args:
          table: name of the table.
          windows: first and last window, both included; None reads all.
          version: the version to read; None reads the newest.
          columns: names of the columns; None reads all.

        Raises:
          LakeError: there is no such table or version.
        """
        delta = self._open(table, version)
        wanted = list(columns) if columns is not None else self.schemas[table].names
        if delta is None:
            return pa.schema([self.schemas[table].field(c) for c in wanted]).empty_table()
        filters = [("window", ">=", windows[0]), ("window", "<=", windows[1])] if windows else None
        rows = delta.to_pyarrow_table(filters=filters, columns=wanted)
        return rows.cast(pa.schema([self.schemas[table].field(c) for c in wanted]))

    def files(self, table: str, windows: tuple[str, str] | None = None, version: int | None = None) -> list[str]:
        """Paths of the Parquet files of a range of windows, for a query engine; `window` is in the path only."""
        delta = self._open(table, version)
        if delta is None:
            return []
        filters = [("window", ">=", windows[0]), ("window", "<=", windows[1])] if windows else None
        return sorted(delta.file_uris(file_pruning_predicate=filters))

    def windows(self, table: str, version: int | None = None) -> list[str]:
        """Windows that hold rows, in order."""
        delta = self._open(table, version)
        return [] if delta is None else sorted({partition["window"] for partition in delta.partitions()})

    def num_rows(self, table: str) -> dict[str, int]:
        """Window -> its rows, as the commits say: no file is read."""
        found: dict[str, int] = {}
        for window, rows in self._files(table):
            found[window] = found.get(window, 0) + rows
        return found

    def num_files(self, table: str) -> dict[str, int]:
        """Window -> how many files hold it, in order of window."""
        return dict(sorted(Counter(window for window, _ in self._files(table)).items()))

    def version(self, table: str) -> int:
        """Newest version of a table; -1 when nothing was ever committed."""
        delta = self._open(table, None)
        return -1 if delta is None else delta.version()

    def delete(self, table: str, predicate: str) -> int:
        """Delete the rows that an SQL `predicate` names, in one commit; returns how many.

        Versions before the commit hold them until they are vacuumed.
        """
        delta = self._open(table, None)
        return 0 if delta is None else int(delta.delete(predicate)["num_deleted_rows"])

    def update(self, table: str, predicate: str, values: Mapping[str, str]) -> int:
        """Give the rows that an SQL `predicate` names the `values`, SQL too, in one commit; returns how many.

        Versions before the commit hold the rows as they were until they are vacuumed.
        """
        delta = self._open(table, None)
        return 0 if delta is None else int(delta.update(dict(values), predicate=predicate)["num_updated_rows"])

    def vacuum(self, table: str, keep_hours: int = 168, keep_versions: Sequence[int] = ()) -> list[str]:
        """Delete files that no version of the last `keep_hours` uses, nor any of `keep_versions`.

        Returns:
          Them; also those that an earlier call deleted, as long as the table's log names them.
        """
        delta = self._open(table, None)
        if delta is None:
            return []
        return delta.vacuum(
            retention_hours=keep_hours,
            dry_run=False,
            enforce_retention_duration=False,
            keep_versions=sorted(keep_versions) or None,
        )

    def restore(self, table: str, version: int) -> None:
        """Make a table in one commit what it was at `version`."""
        location = self.location(table)
        DeltaTable(_uri(location), storage_options=delta_options(location)).restore(version)

    def drop(self, table: str) -> None:
        """Remove a table with all its versions, if it is there."""
        location = self.location(table)
        if isinstance(location, Path):
            shutil.rmtree(location, ignore_errors=True)
            return
        store = ObjectStore(location)
        for name in store.names():
            store.delete(name)

    def attach(self, connection: Any) -> None:
        """Let a DuckDB connection read `files()` where they lie; on disk it can anyway."""
        if isinstance(self.path, StoreFolder):
            system = filesystem(self.path)
            connection.register_filesystem(system)

    def _files(self, table: str) -> list[tuple[str, int]]:
        """Window and rows of each file of the newest version."""
        delta = self._open(table, None)
        if delta is None:
            return []
        files = pa.table(delta.get_add_actions(flatten=True))
        columns = (files.column(name).to_pylist() for name in ("partition.window", "num_records"))
        return [(window, rows or 0) for window, rows in zip(*columns, strict=True)]

    def _fitting(self, table: str, windows: Sequence[str], rows: pa.Table) -> pa.Table:
        schema = self.schemas[table]
        try:
            rows = rows.select(schema.names).cast(schema)
        except (KeyError, pa.ArrowInvalid) as error:
            raise LakeError(f"rows for {table} do not fit its schema: {error}") from error
        self._refuse_strangers(table, windows, set(rows.column("window").unique().to_pylist()))
        return rows

    def _refuse_strangers(self, table: str, windows: Sequence[str], found: set[str | None]) -> None:
        strangers = found - set(windows)
        if strangers:
            replaced = f"{windows[0]}..{windows[-1]} of {table}"
            raise LakeError(f"rows of {sorted(strangers, key=str)[:3]} in a commit that replaces {replaced}")

    def _create(self, table: str) -> DeltaTable:
        location = self.location(table)
        return DeltaTable.create(
            _uri(location),
            schema=self.schemas[table],
            mode="ignore",
            partition_by=["window"],
            # The manifest of a release may name a version for longer than the log would keep it.
            configuration={"delta.enableExpiredLogCleanup": "false"},
            storage_options=delta_options(location),
        )

    def _open(self, table: str, version: int | None) -> DeltaTable | None:
        try:
            location = self.location(table)
            return DeltaTable(_uri(location), version=version, storage_options=delta_options(location))
        except TableNotFoundError:
            if version is None:
                return None
            raise LakeError(f"{table} has no version {version}: nothing was ever committed to it") from None
        except Exception as error:
            raise LakeError(f"{table} at version {version} cannot be read: {error}") from error


def _uri(location: Place) -> Any:
    return str(location) if isinstance(location, StoreFolder) else location


def open_lake(path: Place) -> Lake:
    """The lake with the platform's tables."""
    return Lake(path, TABLES)
