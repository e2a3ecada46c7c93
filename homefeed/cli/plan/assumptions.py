"""What the plan assumes: numbers that nobody measured here, each with a name, a unit and a reason"""

from collections.abc import Mapping
from dataclasses import dataclass

from homefeed.cli.plan.site import PlanError


@dataclass(frozen=True)
class Assumption:
    """One number that was not measured.

    Attributes:
      value, unit: what is assumed.
      why: one sentence.
      source: benchmark and result that take its place once a file of that benchmark is given; None for neither.
    """

    value: float
    unit: str
    why: str
    source: tuple[str, str] | None = None


ASSUMPTIONS: dict[str, Assumption] = {
    "machine_cores": Assumption(64, "cores", "A common size of a machine without accelerators."),
    "machine_gib": Assumption(256, "GiB", "4 GiB for each core."),
    "machine_network_gbit": Assumption(25, "Gbit/s", "What such a machine can count on."),
    "core_hour_usd": Assumption(0.035, "USD", "On demand at a large provider, a year ahead; memory is counted apart."),
    "gib_hour_usd": Assumption(0.004, "USD", "Memory of such a machine."),
    "ssd_gib_month_usd": Assumption(0.08, "USD", "Replicated block storage."),
    "object_gib_month_usd": Assumption(0.021, "USD", "Object store, read often."),
    "cold_gib_month_usd": Assumption(0.004, "USD", "Object store, read seldom."),
    "network_gib_usd": Assumption(0.01, "USD", "Between zones; within one it is free."),
    "cross_zone_share": Assumption(0.1, "", "Calls that leave their zone, where balancers prefer their own."),
    "batch_busy": Assumption(0.6, "", "Share of its window that a batch may take, so that it can catch up."),
    "spare": Assumption(1.5, "", "Machines beyond the need: one of three zones may be lost."),
    "spark_factor": Assumption(6.6, "", "Processor time of Spark for what DuckDB does in 1: shuffles and the JVM."),
    "features_factor": Assumption(2.0, "", "Aggregates, viewer state and snapshot together, beside 1 for exposures."),
    "compression": Assumption(0.25, "", "Bytes in Parquet with zstd for each byte of an event as JSON."),
    "log_days": Assumption(2.0, "days", "How long the event log stays on local disks, its copies in the object store."),
    "online_row_bytes": Assumption(
        3000, "bytes", "A viewer's row: three lists of 100 and a profile, in Redis.", ("redis", "bytes_per_viewer")
    ),
    "online_copies": Assumption(2, "", "One replica for each primary."),
    "store_reads_per_core_s": Assumption(50_000, "1/s", "Rows of that size that one core of Redis serves."),
    "shard_videos": Assumption(50e6, "videos", "In one shard of the index: their rows fill most of a machine."),
    "ask_ms": Assumption(0.2, "ms", "Processor time of a replica for each shard that it asks."),
    "rows_bytes": Assumption(400, "bytes", "Features of one candidate on their way from a shard to the ranker."),
    "base_gib": Assumption(0.7, "GiB", "Memory of a service before it holds a catalogue."),
    "answer_kib": Assumption(30, "KiB", "A page of 100 as JSON."),
    "negative_rate": Assumption(0.1, "", "Share of the missed exposures that the ranker learns from."),
    "retrieval_epochs": Assumption(1.0, "", "Passes over a day's watches."),
    "training_loss": Assumption(1.3, "", "Processor time of many trainers, who wait, for 1 of one."),
    "before_share": Assumption(0.25, "", "Part of a page's work before the index is asked: viewer, query."),
    "hop_ms": Assumption(0.3, "ms", "One way between two machines of a zone."),
    "bundles_gib": Assumption(2000, "GiB", "Kept releases: towers, ranker, index and rows."),
}


def assumed(changed: Mapping[str, float] | None = None) -> dict[str, float]:
    """Values by name, with `changed` over them. Raises PlanError for a name that is none, or a value below 0."""
    values = {name: assumption.value for name, assumption in ASSUMPTIONS.items()}
    for name, value in (changed or {}).items():
        if name not in values:
            raise PlanError(f"there is no assumption {name!r}; there are {', '.join(values)}")
        if not 0 < value < float("inf"):
            raise PlanError(f"assumption {name} is {value}; it is a number above 0")
        values[name] = value
    return values
