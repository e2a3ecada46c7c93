"""Spark's SQL for what Ibis does not say to it, or says otherwise than to DuckDB: the expressions stay the same."""

import math
from typing import Any

import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

#: SQL functions that expressions call by DuckDB's name, as Spark defines them. DuckDB reads the last 8 bytes of a
#: digest from the lowest on; a number of 64 bits without a sign needs a decimal here.
FUNCTIONS = (
    "CREATE OR REPLACE TEMPORARY FUNCTION md5_number_lower(t STRING) RETURNS DECIMAL(20, 0) RETURN "
    "CAST(conv(array_join(reverse(transform(sequence(17, 31, 2), i -> substring(md5(t), i, 2))), ''), 16, 10) "
    "AS DECIMAL(20, 0))",
)


class SparkCompiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' compiler; each method says where Spark wants other words."""

    __slots__ = ()

    def visit_ArrayCollect(  # noqa: N802
        self, op: Any, *, arg: Any, where: Any, order_by: Any, include_null: bool, distinct: bool
    ) -> Any:
        """A list in a stated order: Spark's `array_agg` knows none, so the keys are collected too, and sorted by."""
        if not order_by:
            return super().visit_ArrayCollect(
                op, arg=arg, where=where, order_by=order_by, include_null=include_null, distinct=distinct
            )
        if distinct or any(key.args.get("desc") for key in order_by):
            raise NotImplementedError("a list in falling order, or of distinct values, has no Spark SQL here")
        keys = [key.this if isinstance(key, sge.Ordered) else key for key in order_by]
        pair = self.f.anon.named_struct(*self._named(keys), "value", arg)
        kept = (
            arg.is_(sge.Not(this=sge.Null())) if where is None else sge.and_(arg.is_(sge.Not(this=sge.Null())), where)
        )
        collected = self.f.anon.array_sort(self.f.anon.collect_list(self.if_(kept, pair, sge.Null())))
        value = sge.Dot(this=sge.to_identifier("e"), expression=sge.to_identifier("value"))
        listed = self.f.anon.transform(collected, sge.Lambda(this=value, expressions=[sge.to_identifier("e")]))
        # DuckDB's list of nothing is null; Spark's is empty.
        return self.f.anon.nullif(listed, self.f.array())

    @staticmethod
    def _named(keys: list[Any]) -> list[Any]:
        return [part for i, key in enumerate(keys) for part in (f"key{i}", key)]

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
        """Ibis' own puts the condition around the share too, which Spark wants plain."""
        return self.f.anon.percentile(arg if where is None else self.if_(where, arg, sge.Null()), sge.convert(0.5))

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """A number with a point is a double, as on DuckDB: Spark takes `0.1` for a decimal."""
        if dtype.is_floating() and math.isfinite(value):
            return self.cast(sge.convert(value), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        """Seconds with their fraction, as DuckDB's `epoch`; Ibis' own are cut to whole ones."""
        return self.f.anon.unix_micros(arg) / sge.convert(1e6)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        """Null only: a NaN in the lake is a value on every engine."""
        return arg.is_(sge.Null())

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return arg.is_(sge.Not(this=sge.Null()))
