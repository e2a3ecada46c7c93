"""Spark: the engine of a cluster. Workers read and write Parquet files of the lake; Delta commits are delta-rs' own.

Spark here knows nothing of Delta: the lake says which files a version has, and takes up files that the workers wrote.
So the lake must lie where this process and every worker see it: on a disk under the same path, or in a store.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from feature_repo.engine_error import EngineError
from feature_repo.spark_session import spark_session
from feature_repo.spark_sql import FUNCTIONS, SparkCompiler
from feature_repo.spark_store import read_files, write_files
from homefeed.lake import Lake
from homefeed.settings.engine import EngineSettings
from homefeed.settings.storage import Place, StoreFolder


class SparkEngine:
    """A session of its own on the application that this process shares; `feature_repo.engine.Engine` says the rest."""

    name = "spark"

    def __init__(self, knobs: EngineSettings) -> None:
        from ibis.backends.pyspark import Backend

        self._session: Any = spark_session(knobs)
        self._master = knobs.spark_master
        self.backend: Any = Backend.from_connection(self._session)
        self.backend.compiler = SparkCompiler()
        for function in FUNCTIONS:
            self._session.sql(function)
        self._kept: list[Any] = []
        self._place: Place = Path()

    def see(self, lake: Lake) -> None:
        self._place = lake.path

    def read(self, files: Sequence[str], schema: pa.Schema) -> Table:
        from pyspark.sql import functions

        if isinstance(self._place, StoreFolder):
            return self._view(read_files(self._session, self._place, files, schema))
        inside = pa.schema([field for field in schema if field.name != "window"])
        frame = self._session.read.schema(_spark_schema(inside)).parquet(*files)
        window = functions.regexp_extract(functions.col("_metadata.file_path"), "window=([^/]+)", 1)
        return self._view(frame.withColumn("window", window).select(*schema.names))

    def memory(self, rows: pa.Table) -> Table:
        return self._view(self._session.createDataFrame(rows, _spark_schema(rows.schema)))

    def keep(self, expression: Table) -> Table:
        frame = self._frame(expression).persist()
        self._kept.append(frame)
        return self._view(frame)

    def run(self, expression: Table) -> pa.Table:
        frame = self._frame(expression)
        with self._asked():
            return frame.toArrow().cast(expression.schema().to_pyarrow())

    def replace(
        self,
        lake: Lake,
        table: str,
        windows: Sequence[str],
        expression: Table,
        order: Sequence[str],
        since: int | None = None,
    ) -> int:
        from pyspark.sql import Observation, functions

        if not windows:
            return lake.version(table)
        schema, counted = lake.schemas[table], Observation()
        frame = self._frame(expression.select(*schema.names))
        frame = frame.select(*(functions.col(f.name).cast(f.dataType) for f in _spark_schema(schema)))
        # Small windows are put together in a task, large ones are split over several.
        frame = frame.hint("rebalance", "window").sortWithinPartitions("window", *order)
        frame = frame.observe(counted, functions.count(functions.lit(1)).alias("rows"))
        draft, names = lake.draft(table), None
        with self._asked():
            if isinstance(draft, StoreFolder):
                names = write_files(frame, draft)
            else:
                frame.write.partitionBy("window").parquet(str(draft.absolute()))
        # A plan that is empty from the start counts nothing.
        return lake.adopt(table, windows, draft, counted.get.get("rows", 0), since, names)

    def newest_before(self, rows: Table, known: Table, at: str, keys: Mapping[str, str]) -> Table:
        # No ASOF join here: both sides in one order of time, and each row takes the last known one before it.
        features = [c for c in known.columns if c != "_at" and c not in {f"_{key}" for key in keys}]
        asked = rows.mutate(
            _at=rows[at], _asks=ibis.literal(1, "int8"), **{f"_{k}": rows[e] for k, e in keys.items()}
        ).mutate(_known=ibis.null(ibis.struct({f: known[f] for f in features}).type()))
        said = known.select(
            **{c: ibis.null(rows[c].type()) for c in rows.columns},
            _at=known["_at"],
            _asks=ibis.literal(0, "int8"),
            **{f"_{key}": known[f"_{key}"] for key in keys},
            _known=ibis.struct({f: known[f] for f in features}),
        )
        both = ibis.union(asked, said.select(*asked.columns))
        before = ibis.window(group_by=[f"_{k}" for k in keys], order_by=["_at", "_asks"], rows=(None, 0))
        both = both.mutate(_known=both["_known"].last().over(before)).filter(lambda t: t["_asks"] == 1)
        return both.select(*rows.columns, **{f: both["_known"][f] for f in features})

    def close(self) -> None:
        for frame in self._kept:
            frame.unpersist()
        self._kept.clear()

    def _frame(self, expression: Table) -> Any:
        """The expression as Spark's frame, its columns in the types that Ibis promises."""
        from ibis.backends.pyspark.datatypes import PySparkSchema
        from pyspark.sql import functions

        promised = PySparkSchema.from_ibis(expression.schema())
        with self._asked():
            frame = self._session.sql(self.backend.compile(expression))
            return frame.select(*(functions.col(f"`{f.name}`").cast(f.dataType).alias(f.name) for f in promised))

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]
        from pyspark.errors import PySparkException, PythonException

        try:
            yield
        except (PySparkException, Py4JError) as error:
            # Of a worker's Python the last line says what is wrong, after where.
            said = str(error).strip()
            reason = said.splitlines()[-1] if isinstance(error, PythonException) else said[:500]
            raise EngineError(
                f"Spark at {self._master} failed at a query: {reason}; nothing was committed. Its workers "
                "must run the versions of Python and pyspark here and see the lake as it is seen here"
            ) from error

    def _view(self, frame: Any) -> Table:
        name = ibis.util.gen_name("lake")
        frame.createOrReplaceTempView(name)
        return self.backend.table(name)


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
