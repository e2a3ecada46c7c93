"""Lake tables as Ibis expressions, read by the engine at a stated version."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from ibis.expr.types import Column, Scalar, Table

from feature_repo.engine import Engine, open_engine
from homefeed import windows as names
from homefeed.lake import Lake, open_lake
from homefeed.schema import TIME
from homefeed.settings import Settings


class LakeTables:
    """The lake's tables on one engine; close it by leaving the `with` block.

    Attributes:
      lake: where the tables are.
      engine: what runs the expressions.
      versions: version of each table to read, -1 for what it was before its first commit; a table that is not named is
        read at its newest version.
    """

    def __init__(self, lake: Lake, engine: Engine, versions: Mapping[str, int] | None = None) -> None:
        self.lake, self.engine = lake, engine
        self.versions = dict(versions or {})
        engine.see(lake)

    def __enter__(self) -> "LakeTables":
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    def table(self, name: str, first: str | None = None, last: str | None = None) -> Table:
        """Rows of windows `first` to `last` (both included; None is open), with the columns of the table's schema.

        Raises:
          LakeError: there is no such table, or not in the version asked for.
        """
        bounds = None if first is None and last is None else (first or "0", last or "9")
        version = self.versions.get(name)
        files = [] if version == -1 else self.lake.files(name, bounds, version)
        schema = self.lake.schemas[name]
        return self.engine.read(files, schema) if files else self.memory(schema.empty_table())

    def memory(self, rows: pa.Table) -> Table:
        """A table in memory as an expression."""
        return self.engine.memory(rows)

    def keep(self, expression: Table) -> Table:
        """Run `expression` once and keep its rows on the engine, for expressions that use them several times."""
        return self.engine.keep(expression)

    def run(self, expression: Table) -> pa.Table:
        """The rows of `expression`; times are UTC microseconds as the lake stores them."""
        rows = self.engine.run(expression)
        fields = [pa.field(f.name, TIME) if pa.types.is_timestamp(f.type) else f for f in rows.schema]
        return rows.cast(pa.schema(fields))

    def value(self, expression: Scalar) -> Any:
        """The one value of `expression`, such as a count."""
        return self.run(expression.as_table()).column(0)[0].as_py()

    def newest_before(self, rows: Table, known: Table, at: str, keys: Mapping[str, str]) -> Table:
        """The point-in-time join: `feature_repo.engine.Engine.newest_before`."""
        return self.engine.newest_before(rows, known, at, keys)

    @property
    def backend(self) -> Any:
        """The Ibis backend of the engine, for its SQL."""
        return self.engine.backend

    def replace(
        self, name: str, windows: Sequence[str], expression: Table, order: Sequence[str], since: int | None = None
    ) -> int:
        """Make `expression` the whole content of `windows` of a table, in one commit, each window in `order`.

        Returns:
          The version of the table after the commit.

        Raises:
          LakeError: rows of other windows, or columns that do not fit.
        """
        return self.engine.replace(self.lake, name, windows, expression, order, since)


def open_tables(settings: Settings, versions: Mapping[str, int] | None = None) -> LakeTables:
    """The platform's tables on the engine of the settings. Raises EngineError when that cannot be had."""
    return LakeTables(
        open_lake(settings.lake_path), open_engine(settings.resolved_engine, settings.spill_path), versions
    )


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
