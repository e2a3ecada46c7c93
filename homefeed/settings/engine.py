"""Knobs of the engine that runs the window queries: DuckDB in this process, or Spark."""

from homefeed.settings.group import Group, knob


class EngineSettings(Group):
    """The engine of exposures, features and compaction."""

    kind: str = knob(
        "",
        "`duckdb` or `spark`; empty means `duckdb` in profile `local` and `spark` in profile `cluster`.",
        pattern="^(|duckdb|spark)$",
    )
    rows_at_once: int = knob(
        5_000_000, "Impressions labelled in one query and commit; with 0 all windows are one query.", "rows", ge=0
    )
    memory_gib: float = knob(
        0.0, "Memory DuckDB may use before it spills to `var/spill`; 0 means 80 % of the machine.", "GiB", ge=0
    )
    spark_master: str = knob(
        "local[*]",
        "Master URL of Spark: `spark://host:port`, `k8s://...`, or `local[*]` for this process; "
        "every worker must see the lake: on a disk under the same path, or in the store.",
    )
    spark_options: dict[str, str] = knob(
        {}, "Further Spark properties, as a JSON object; they win over what the platform sets."
    )
    spark_connect_s: float = knob(60.0, "How long the Spark master may take to give the first worker.", "s", gt=0)
    bench_impressions: int = knob(10_000_000, "Impressions of the day that `homefeed bench cluster` publishes.", gt=0)
