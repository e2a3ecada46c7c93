"""Parts of the lake in the archive: the rows of one window of one table as a compressed, compacted Parquet file.

Rows that come into an archived window later (late events, a restored window that changed) become a further part. Of
rows with the same key the one in the newest part counts.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from homefeed.lake import Lake
from homefeed.object_store import ObjectStore
from homefeed.retention.copies import ArchiveError, Record, fetch, put, read_record, write_record

#: Tables that move to the archive, in the order in which they leave the lake, with the key of a row. Exposures leave
#: last: a window with impressions and no exposures would be taken for one that was never published. The others stay:
#: they are 2 in 100 rows, and a viewer's history, subscriptions and the catalogue are summed up from all of them.
TABLES = {"quarantine": ("file", "line"), "impressions": ("event_id",), "exposures": ("event_id",)}


def kind(table: str) -> str:
    """Folder of a table in the archive."""
    return f"lake/{table}"


def copy_window(
    connection: duckdb.DuckDBPyConnection, lake: Lake, store: ObjectStore, table: str, window: str, scratch: Path
) -> Record | None:
    """Make sure that the archive has every row that the lake has of a window; returns the record, None without rows.

    Args:
      connection: may read the lake's files (`Lake.attach`).
      lake: where the rows are.
      store: the archive.
      table: one of `TABLES`.
      window: its window.
      scratch: folder for files on their way.

    Raises:
      ArchiveError: what came back has other rows than the lake.
      StoreError: the store refuses or is gone.
    """
    files = lake.files(table, (window, window))
    before = read_record(store, kind(table), window)
    if not files:
        return before
    columns = _columns(lake, table)
    rows = f"SELECT {columns} FROM {_lake_rows(files)}"
    with _folder(scratch) as folder:
        if before is not None:
            known = [f"read_parquet('{file}')" for file in _fetched(store, before, folder)]
            rows += f" EXCEPT SELECT {columns} FROM {_over(known, columns, table)}"
        num, checksum = _sums(connection, f"({rows})", columns)
        if num == 0:
            return before
        draft, back = folder / "part", folder / "back"
        connection.execute(
            f"COPY (FROM ({rows}) ORDER BY {_order(lake, table)}) TO '{draft}' (FORMAT parquet, COMPRESSION zstd)"
        )
        part = put(store, f"{kind(table)}/{window}", draft, ".parquet", num, {}, back)
        if _sums(connection, f"read_parquet('{back}')", columns) != (num, checksum):
            store.delete(part.name)
            raise ArchiveError(
                f"{store.folder}/{part.name} holds other rows than window {window} of {table}; the lake keeps them"
            )
    record = Record(window, [*(p for p in (before.parts if before else []) if p.name != part.name), part])
    write_record(store, kind(table), record)
    return record


def rows_of(
    connection: duckdb.DuckDBPyConnection, lake: Lake, store: ObjectStore, table: str, window: str, scratch: Path
) -> pa.Table:
    """Rows of a window: those of the archive, and over them those that the lake has meanwhile.

    Raises:
      ArchiveError: the window was never archived, or a part is damaged.
    """
    record = read_record(store, kind(table), window)
    if record is None:
        raise ArchiveError(f"window {window} of {table} is not in {store.folder}/{kind(table)}")
    files, columns = lake.files(table, (window, window)), _columns(lake, table)
    with _folder(scratch) as folder:
        parts = [f"read_parquet('{file}')" for file in _fetched(store, record, folder)]
        if files:
            parts.append(_lake_rows(files))
        found = connection.sql(f"SELECT {columns} FROM {_over(parts, columns, table)} ORDER BY {_order(lake, table)}")
        # In one chunk, because the Delta writer keeps the order of rows within a chunk only.
        return found.to_arrow_table().cast(lake.schemas[table]).combine_chunks()


@contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="part-", dir=scratch) as folder:
        yield Path(folder)


def _columns(lake: Lake, table: str) -> str:
    return ", ".join(f'"{name}"' for name in lake.schemas[table].names)


def _order(lake: Lake, table: str) -> str:
    return "time, event_id" if "time" in lake.schemas[table].names else ", ".join(TABLES[table])


def _fetched(store: ObjectStore, record: Record, folder: Path) -> list[Path]:
    found = []
    for number, part in enumerate(record.parts):
        found.append(folder / f"{number}.parquet")
        fetch(store, part, found[-1])
    return found


def _over(parts: Sequence[str], columns: str, table: str) -> str:
    """Rows of all parts; of those with the same key the one of the last part."""
    if len(parts) == 1:
        return parts[0]
    numbered = " UNION ALL ".join(f"SELECT {columns}, {i} AS part FROM {part}" for i, part in enumerate(parts))
    key = ", ".join(f'"{name}"' for name in TABLES[table])
    return f"(FROM ({numbered}) QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY part DESC) = 1)"


def _lake_rows(files: Sequence[str]) -> str:
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'window': VARCHAR}})"


def _sums(connection: duckdb.DuckDBPyConnection, rows: str, columns: str) -> tuple[int, int]:
    """Rows and a checksum of them that does not depend on their order."""
    found = connection.execute(f"SELECT count(*), coalesce(sum(hash({columns})), 0) FROM {rows}").fetchone()
    assert found is not None
    return int(found[0]), int(found[1])
