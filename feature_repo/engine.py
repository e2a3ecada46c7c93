"""The engine: what runs the window queries. The expressions of this package name none; the settings choose it here.

An engine turns Parquet files of lake windows into Ibis tables, and an expression into Arrow rows or into windows of
the lake. Everything above this file is the same on every engine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from ibis.expr.types import Table

from homefeed.lake import Lake
from homefeed.settings.engine import EngineSettings


class Engine(Protocol):
    """What a query engine does for the lake. One is used by one thread, and closed by who opened it.

    Attributes:
      name: `duckdb` or `spark`.
      backend: the Ibis backend that compiles and runs the expressions.
    """

    name: str
    backend: Any

    def see(self, lake: Lake) -> None:
        """Be able to read files of `lake` where they lie. Raises EngineError when it is not for this engine."""

    def read(self, files: Sequence[str], schema: pa.Schema) -> Table:
        """Rows of Parquet files of the lake; `window` is taken from their paths (`.../window=20261123T2210Z/...`)."""

    def memory(self, rows: pa.Table) -> Table:
        """A table in this process as an expression."""

    def keep(self, expression: Table) -> Table:
        """Run `expression` once and keep its rows until the engine is closed."""

    def run(self, expression: Table) -> pa.Table:
        """The rows of `expression`, in this process."""

    def replace(
        self,
        lake: Lake,
        table: str,
        windows: Sequence[str],
        expression: Table,
        order: Sequence[str],
        since: int | None = None,
    ) -> int:
        """Make the rows of `expression` the whole content of `windows` in one commit, each file of a window in `order`.

        `since` is the version that they were made from: a commit to the windows after it makes this one fail.

        Returns:
          The version of the table after the commit.
        """

    def newest_before(self, rows: Table, known: Table, at: str, keys: Mapping[str, str]) -> Table:
        """Each of `rows` with the newest row of `known` that is not newer, null where there is none.

        Args:
          rows: any columns, among them the time `at`; columns `_at` and `_<key>` are the engine's.
          known: keys `_<key>`, time `_at`, and the columns to add.
          at: name of the time of `rows`.
          keys: key of `known` without its underscore -> column of `rows` that must equal it.
        """

    def close(self) -> None:
        """Let go of what was kept."""


def open_engine(knobs: EngineSettings, spill: Path) -> Engine:
    """The engine that `knobs.kind` names; `spill` is where DuckDB puts what does not fit into memory.

    Raises:
      EngineError: it cannot be had; there is no other to fall back to.
    """
    if knobs.kind == "spark":
        from feature_repo.spark_engine import SparkEngine

        return SparkEngine(knobs)
    from feature_repo.duckdb_engine import DuckdbEngine

    return DuckdbEngine(knobs, spill)
