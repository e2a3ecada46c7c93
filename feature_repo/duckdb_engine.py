"""DuckDB in this process: the engine of one machine. What does not fit into memory goes to `var/spill`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from homefeed.lake import Lake
from homefeed.settings.engine import EngineSettings

#: Rows handed on at a time while a window is written.
_BATCH_ROWS = 100_000


class DuckdbEngine:
    """One connection of its own: Ibis' default one is shared by every thread of the process, which DuckDB's may not be.

    `feature_repo.engine.Engine` says what each method does.
    """

    name = "duckdb"

    def __init__(self, knobs: EngineSettings, spill: Path) -> None:
        self.backend = ibis.duckdb.from_connection(duckdb.connect())
        self.backend.raw_sql("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        folder = str(spill.absolute()).replace("'", "''")
        self.backend.raw_sql(f"SET temp_directory = '{folder}'")
        if knobs.memory_gib:
            self.backend.raw_sql(f"SET memory_limit = '{round(knobs.memory_gib * 1024)}MiB'")

    def see(self, lake: Lake) -> None:
        lake.attach(self.backend.con)

    def read(self, files: Sequence[str], schema: pa.Schema) -> Table:
        # A view made here: for files of a store Ibis would have DuckDB fetch its `httpfs` from the network, where `see`
        # lets it read them already. Without a word it would guess the type of `window` from the values.
        name = ibis.util.gen_name("files")
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        options = "hive_partitioning = true, hive_types_autocast = false"
        self.backend.raw_sql(f'CREATE TEMP VIEW "{name}" AS FROM read_parquet([{listed}], {options})')
        return self.backend.table(name).select(*schema.names)

    def memory(self, rows: pa.Table) -> Table:
        name = ibis.util.gen_name("memory")
        self.backend.con.register(name, rows)
        return self.backend.table(name)

    def keep(self, expression: Table) -> Table:
        return self.backend.create_table(ibis.util.gen_name("kept"), expression, temp=True)

    def run(self, expression: Table) -> pa.Table:
        rows: pa.Table = self.backend.to_pyarrow(expression)
        return rows

    def replace(
        self,
        lake: Lake,
        table: str,
        windows: Sequence[str],
        expression: Table,
        order: Sequence[str],
        since: int | None = None,
    ) -> int:
        # Ibis 12 asks for batches by a name that DuckDB 2 has not any more.
        ordered = self.backend.con.sql(self.backend.compile(expression.order_by("window", *order)))
        return lake.replace(table, windows, ordered.to_arrow_reader(_BATCH_ROWS), since)

    def newest_before(self, rows: Table, known: Table, at: str, keys: Mapping[str, str]) -> Table:
        equal = [rows[e] == known[f"_{k}"] for k, e in keys.items()]
        joined = rows.asof_join(known, on=rows[at] >= known["_at"], predicates=equal)
        return joined.drop("_at", *(f"_{key}" for key in keys))

    def close(self) -> None:
        self.backend.disconnect()
