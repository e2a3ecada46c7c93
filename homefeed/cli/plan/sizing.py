"""How much of everything a site needs: pure functions from its numbers, measured figures and assumptions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from homefeed.cli.plan.site import MONTH_S, PlanError, Site

GIB = 2.0**30
_DAY_S, _HOURS = 86_400.0, MONTH_S / 3600


@dataclass(frozen=True)
class Need:
    """What one part needs, spare machines included.

    Attributes:
      part: its name.
      load: what it was sized for, in words.
      cores: busy or kept ready, all of the time.
      memory_gib, disk_gib: disk is block storage.
      object_gib, cold_gib: in the object store, read often and seldom.
      network_gbit_s: between its machines and others.
      machines: of the assumed size, by whatever runs out first.
      usd_month: all of it.
    """

    part: str
    load: str
    cores: float = 0.0
    memory_gib: float = 0.0
    disk_gib: float = 0.0
    object_gib: float = 0.0
    cold_gib: float = 0.0
    network_gbit_s: float = 0.0
    machines: int = 0
    usd_month: float = 0.0


Numbers = Mapping[str, float]


def plan(site: Site, measured: Numbers, assumed: Numbers, busy: float, *, is_capacity: bool) -> list[Need]:
    """What each part needs.

    Args:
      site: its numbers.
      measured, assumed: values by name.
      busy: share of their time that replicas may work and keep to the page's goal; from the simulation.
      is_capacity: whether pages and events come at `capacity_pages_per_s`, or at the average. Batches are sized for the
        average either way: what capacity brings in an hour is worked off later.

    Raises:
      PlanError: replicas may not work at all.
    """
    if not 0 < busy <= 1:
        raise PlanError(
            f"no load keeps the 99th percentile of a page within {site.goal_ms:g} ms: one that is alone takes longer."
            " Rank fewer candidates, or raise the goal"
        )
    pages = site.capacity_pages_per_s if is_capacity else site.pages_per_s
    parts = [
        _replicas(site, measured, assumed, busy, pages),
        _shards(site, measured, assumed, pages),
        _online_store(site, assumed, pages),
        _event_log(site, measured, assumed, pages),
        _lake(site, assumed),
        _batches(site, measured, assumed),
        _training(site, measured, assumed),
    ]
    return [_priced(part, assumed) for part in parts]


def page_cpu_s(site: Site, measured: Numbers, assumed: Numbers) -> float:
    """Processor time of a page at its replica [s]: a straight line through those of 1,000 and 10,000 candidates, and
    what it costs to ask the shards."""
    slope = (measured["large_page_cpu_ms"] - measured["page_cpu_ms"]) / 9000
    least = measured["page_cpu_ms"] - 1000 * slope
    num = shards_of(site, assumed)
    asking = num * assumed["ask_ms"] if num > 1 else 0.0
    return (max(least + slope * site.candidates, 0.1 * measured["page_cpu_ms"]) + asking) / 1000


def shards_of(site: Site, assumed: Numbers) -> int:
    """Shards of the index."""
    return max(1, math.ceil(site.videos / assumed["shard_videos"]))


def search_s(site: Site, measured: Numbers, assumed: Numbers) -> float:
    """One search in a shard [s]: a power law through those of 1 and 10 million videos, and the call over HTTP."""
    power = math.log10(measured["large_search_ms"] / measured["search_ms"])
    num = shards_of(site, assumed)
    searched = measured["large_search_ms"] * (site.videos / num / 1e7) ** power
    return float(searched + (measured["shard_call_ms"] if num > 1 else 0.0)) / 1000


def _replicas(site: Site, measured: Numbers, assumed: Numbers, busy: float, pages: float) -> Need:
    cores = pages * page_cpu_s(site, measured, assumed) / busy
    gib = assumed["base_gib"] if shards_of(site, assumed) > 1 else _catalogue_gib(site.videos, measured, assumed)
    network = pages * (assumed["answer_kib"] * 1024 + _rows(site, assumed)) * 8e-9
    spare = assumed["spare"]
    return Need(
        "replicas",
        f"{pages:,.0f} pages/s of {site.candidates:,.0f} candidates",
        cores=spare * cores,
        memory_gib=spare * cores * gib,
        network_gbit_s=network,
    )


def _rows(site: Site, assumed: Numbers) -> float:
    """Bytes of candidates' features that come from the shards for a page; none when a replica holds the catalogue."""
    return site.candidates * assumed["rows_bytes"] if shards_of(site, assumed) > 1 else 0.0


def _catalogue_gib(videos: float, measured: Numbers, assumed: Numbers) -> float:
    return assumed["base_gib"] + max(measured["replica_gib"] - assumed["base_gib"], 0.0) * videos / 1e6


def _shards(site: Site, measured: Numbers, assumed: Numbers, pages: float) -> Need:
    """Each shard holds its part of the index and the rows of its videos; one that fits a replica is no part."""
    num = shards_of(site, assumed)
    if num == 1:
        return Need("index shards", "the whole index in every replica")
    cores = pages * num * search_s(site, measured, assumed) / assumed["batch_busy"]
    one = (site.videos * measured["index_bytes_per_video"]) / GIB
    one += max(measured["replica_gib"] - assumed["base_gib"], 0.0) * site.videos / 1e6
    # As many copies as the searches need machines, and one more than one always.
    copies = max(2.0, cores / (num * assumed["machine_cores"]))
    return Need(
        "index shards",
        f"{num} shards, each asked {pages:,.0f} times/s, {math.ceil(copies)} copies",
        cores=assumed["spare"] * max(cores, copies * num),
        memory_gib=math.ceil(copies) * one,
        network_gbit_s=pages * _rows(site, assumed) * 8e-9,
    )


def _online_store(site: Site, assumed: Numbers, pages: float) -> Need:
    copies, row = assumed["online_copies"], assumed["online_row_bytes"]
    return Need(
        "online store",
        f"{site.users:,.0f} viewers, {pages:,.0f} reads/s",
        cores=copies * pages / assumed["store_reads_per_core_s"],
        memory_gib=copies * site.users * row / GIB,
        network_gbit_s=pages * row * 8e-9,
    )


def _event_log(site: Site, measured: Numbers, assumed: Numbers, pages: float) -> Need:
    events = pages * site.page_slots
    gib_day = site.exposures_per_s * _DAY_S * site.exposure_bytes / GIB
    return Need(
        "event log",
        f"{events:,.0f} events/s",
        cores=assumed["spare"] * events * measured["event_cpu_us"] * 1e-6 / assumed["batch_busy"],
        memory_gib=assumed["spare"] * events * measured["event_cpu_us"] * 1e-6 / assumed["batch_busy"],
        disk_gib=gib_day * assumed["log_days"],
        network_gbit_s=2 * events * site.exposure_bytes * 8e-9,
    )


def _lake(site: Site, assumed: Numbers) -> Need:
    gib_day = site.exposures_per_s * _DAY_S * site.exposure_bytes * assumed["compression"] / GIB
    # Impressions and exposures are both kept, and the event log beside them in the archive.
    return Need(
        "lake and archive",
        f"{2 * gib_day / 1024:,.2f} TiB a day for {site.hot_days:g} days, then archived to {site.kept_days:g} days",
        object_gib=2 * gib_day * site.hot_days + gib_day * site.hot_days + assumed["bundles_gib"],
        cold_gib=3 * gib_day * (site.kept_days - site.hot_days),
    )


def _batches(site: Site, measured: Numbers, assumed: Numbers) -> Need:
    """Ingestion, the label join and features of every window, within the share of it that a batch may take."""
    join = 2 / measured["exposures_per_2_cores_s"] * assumed["spark_factor"] * (1 + assumed["features_factor"])
    core_s = 1 / measured["ingested_per_core_s"] * assumed["spark_factor"] + join
    hours = site.exposures_per_s * _DAY_S * core_s / 3600
    cores = hours / 24 / assumed["batch_busy"]
    gib_s = site.exposures_per_s * site.exposure_bytes * assumed["compression"]
    return Need(
        "batches (Spark)",
        f"{hours:,.0f} core hours a day",
        cores=cores,
        memory_gib=4 * cores,
        disk_gib=10 * cores,
        network_gbit_s=6 * gib_s * 8e-9,
    )


def _training(site: Site, measured: Numbers, assumed: Numbers) -> Need:
    day = 30.0
    learned = (site.positives_per_month + site.negatives_per_month * assumed["negative_rate"]) / day
    watches = site.positives_per_month / day * assumed["retrieval_epochs"]
    core_s = learned * 2 / measured["ranking_per_2_cores_s"] + watches / measured["retrieval_per_core_s"]
    hours = core_s * assumed["training_loss"] / 3600
    cores = hours / 24 / assumed["batch_busy"]
    return Need(
        "training",
        f"{learned:,.0f} exposures and {watches:,.0f} watches a day, {hours:,.0f} core hours",
        cores=cores,
        memory_gib=4 * cores,
        network_gbit_s=learned * site.exposure_bytes * assumed["compression"] / _DAY_S * 8e-9,
    )


def _priced(need: Need, assumed: Numbers) -> Need:
    machines = max(
        need.cores / assumed["machine_cores"],
        need.memory_gib / assumed["machine_gib"],
        need.network_gbit_s / assumed["machine_network_gbit"] if need.cores else 0.0,
    )
    whole = math.ceil(machines)
    # Rented by what is used up, and that is whole machines.
    rent = _HOURS * (
        assumed["machine_cores"] * assumed["core_hour_usd"] + assumed["machine_gib"] * assumed["gib_hour_usd"]
    )
    moved_gib = need.network_gbit_s * MONTH_S / 8 * 1e9 / GIB
    usd = (
        whole * rent
        + need.disk_gib * assumed["ssd_gib_month_usd"]
        + need.object_gib * assumed["object_gib_month_usd"]
        + need.cold_gib * assumed["cold_gib_month_usd"]
        + moved_gib * assumed["cross_zone_share"] * assumed["network_gib_usd"]
    )
    return Need(**{**vars(need), "machines": whole, "usd_month": usd})
