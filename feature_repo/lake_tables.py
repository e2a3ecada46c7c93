"""Lake tables as Ibis expressions, read natively by the query engine at a stated version.

The expressions of this package name no engine; only this file does. It is DuckDB on one machine.
"""

from collections.abc import Mapping, Sequence

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Column, Table

from homefeed import windows as names
from homefeed.lake import Lake, open_lake
from homefeed.schema import TIME
from homefeed.settings import Settings


class LakeTables:
    """The lake's tables on one connection; close it by leaving the `with` block.

    Attributes:
      lake: where the tables are.
      backend: the Ibis backend that runs the expressions.
      versions: version of each table to read, -1 for what it was before its first commit; a table that is not named is
        read at its newest version.
    """

    def __init__(self, lake: Lake, versions: Mapping[str, int] | None = None) -> None:
        self.lake = lake
        self.versions = dict(versions or {})
        # A connection of its own: Ibis' default one is shared by every thread of the process, and DuckDB's is not
        # safe for that.
        connection = duckdb.connect()
        lake.attach(connection)
        self.backend = ibis.duckdb.from_connection(connection)
        self.backend.raw_sql("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")

    def __enter__(self) -> "LakeTables":
        return self

    def __exit__(self, *_: object) -> None:
        self.backend.disconnect()

    def table(self, name: str, first: str | None = None, last: str | None = None) -> Table:
        """Rows of windows `first` to `last` (both included; None is open), with the columns of the table's schema.

        Raises:
          LakeError: there is no such table, or not in the version asked for.
        """
        bounds = None if first is None and last is None else (first or "0", last or "9")
        version = self.versions.get(name)
        files = [] if version == -1 else self.lake.files(name, bounds, version)
        schema = self.lake.schemas[name]
        if not files:
            return self.memory(schema.empty_table())
        # `window` is in the path only; without a word DuckDB would guess its type from the values.
        table = self.backend.read_parquet(files, hive_partitioning=True, hive_types_autocast=False)
        return table.select(*schema.names)

    def memory(self, rows: pa.Table) -> Table:
        """A table in memory as an expression."""
        return ibis.memtable(rows)

    def keep(self, expression: Table) -> Table:
        """Run `expression` once and keep its rows on this connection, for expressions that use them several times."""
        return self.backend.create_table(ibis.util.gen_name("kept"), expression, temp=True)

    def run(self, expression: Table) -> pa.Table:
        """The rows of `expression`; times are UTC microseconds as the lake stores them."""
        rows: pa.Table = self.backend.to_pyarrow(expression)
        fields = [pa.field(f.name, TIME) if pa.types.is_timestamp(f.type) else f for f in rows.schema]
        return rows.cast(pa.schema(fields))


def open_tables(settings: Settings, versions: Mapping[str, int] | None = None) -> LakeTables:
    """The platform's tables, ready for expressions."""
    return LakeTables(open_lake(settings.lake_path), versions)


def window_index(time: Column) -> Column:
    """Number of the window that holds `time`, counted from 1970: windows that follow each other differ by one."""
    return (time.epoch_seconds() // names.WINDOW_S).cast("int64")


def window_grid(windows: Sequence[str]) -> pa.Table:
    """One row per window: its `index` as `window_index` counts, its name, and its end as `event_timestamp`."""
    ends = [names.end(w) for w in windows]
    return pa.table(
        {
            "index": pa.array([int(end.timestamp()) // names.WINDOW_S - 1 for end in ends], pa.int64()),
            "window": pa.array(windows, pa.string()),
            "event_timestamp": pa.array(ends, TIME),
        }
    )
