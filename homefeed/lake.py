"""The lake: Delta tables on disk. A commit replaces exactly the windows it names, so it can be repeated in any order.

Run a window twice, after a crash, or late: the table is the same. A reader names the version it read; a manifest
records it, so that a model can be trained again on what it saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from homefeed.errors import HomefeedError
from homefeed.schema.tables import TABLES


class LakeError(HomefeedError):
    """A table cannot be read or written as asked; the message says which and why."""


@dataclass(frozen=True)
class Lake:
    """All tables under one folder.

    Attributes:
      path: folder of the tables.
      schemas: the schema of each table, by name.
    """

    path: Path
    schemas: Mapping[str, pa.Schema]

    def location(self, table: str) -> Path:
        """Folder of `table`. Raises LakeError when there is no such table in the schema."""
        if table not in self.schemas:
            raise LakeError(f"there is no table {table!r}; tables are {', '.join(sorted(self.schemas))}")
        return self.path / table

    def replace(self, table: str, windows: Sequence[str], rows: pa.Table) -> int:
        """Make `rows` the whole content of `windows`, in one commit.

        Args:
          table: name of the table.
          windows: the windows that are replaced; one without rows becomes empty.
          rows: the new content, with the table's columns; its `window` values are among `windows`.

        Returns:
          The version of the table after the commit.

        Raises:
          LakeError: rows of other windows, or columns that do not fit.
        """
        location, schema = self.location(table), self.schemas[table]
        if not windows:
            return self.version(table)
        try:
            rows = rows.select(schema.names).cast(schema)
        except (KeyError, pa.ArrowInvalid) as error:
            raise LakeError(f"rows for {table} do not fit its schema: {error}") from error
        strangers = set(rows.column("window").unique().to_pylist()) - set(windows)
        if strangers:
            replaced = f"{windows[0]}..{windows[-1]} of {table}"
            raise LakeError(f"rows of {sorted(strangers, key=str)[:3]} in a commit that replaces {replaced}")
        predicate = f"window IN ({', '.join(repr(w) for w in windows)})"
        self._create(table)
        write_deltalake(location, rows, mode="overwrite", predicate=predicate)
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

    def compact(self, table: str) -> None:
        """Merge the small files of each window; the rows stay the same."""
        delta = self._open(table, None)
        if delta is not None:
            delta.optimize.compact()

    def vacuum(self, table: str, keep_hours: int = 168) -> list[str]:
        """Delete files that no version of the last `keep_hours` uses; returns them."""
        delta = self._open(table, None)
        return [] if delta is None else delta.vacuum(retention_hours=keep_hours, dry_run=False)

    def _create(self, table: str) -> None:
        DeltaTable.create(self.location(table), schema=self.schemas[table], mode="ignore", partition_by=["window"])

    def _open(self, table: str, version: int | None) -> DeltaTable | None:
        try:
            return DeltaTable(self.location(table), version=version)
        except TableNotFoundError:
            if version is None:
                return None
            raise LakeError(f"{table} has no version {version}: nothing was ever committed to it") from None
        except Exception as error:
            raise LakeError(f"{table} at version {version} cannot be read: {error}") from error


def open_lake(path: Path) -> Lake:
    """The lake with the platform's tables."""
    return Lake(path, TABLES)
