"""What the service counts for Prometheus, beside BentoML's own request metrics."""

import functools
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

Metric = TypeVar("Metric", Counter, Histogram)
_LATENCY_S = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1, 5)

PAGES = Counter("homefeed_pages", "Pages answered, by the release that made them and its stage.", ["release", "stage"])
PAGE_SECONDS = Histogram("homefeed_page_seconds", "Time to make a page, without HTTP.", ["stage"], buckets=_LATENCY_S)
STAGE_SECONDS = Histogram("homefeed_stage_seconds", "Time of one pipeline stage.", ["stage"], buckets=_LATENCY_S)
OVER_BUDGET = Counter("homefeed_over_budget", "Pages that were later than a stage's budget at its end.", ["stage"])
RANKED = Histogram(
    "homefeed_ranked_candidates",
    "Candidates that the ranker scored for a page.",
    buckets=(100, 300, 500, 1000, 1500, 2000, 5000, 10_000),
)
SHED = Counter("homefeed_pages_shed", "Page requests that were refused because too many were there.")
DEGRADED = Counter("homefeed_degraded", "Pages on which a part failed and was replaced.", ["part"])
CANDIDATES = Counter("homefeed_candidates", "Candidates by what happened to them.", ["step"])
SLOTS = Counter("homefeed_slots", "Slots filled, by source.", ["source", "explored"])
INTERLEAVED = Counter(
    "homefeed_interleaved", "Page requests of viewers in an interleaving, by what became of them.", ["outcome"]
)
FAILURES = Counter("homefeed_page_failures", "Page requests that got no page.", ["reason"])
EVENTS = Counter("homefeed_events", "Events made durable.")
EVENTS_REFUSED = Counter("homefeed_events_refused", "Event batches that were not made durable.", ["reason"])
EVENTS_WAITING = Gauge("homefeed_events_waiting", "Events that wait for the disk.", multiprocess_mode="livesum")
RECENT_ACTS = Counter("homefeed_recent_acts", "Acts of viewers brought to the store beside the online store.")
RECENT_FAILURES = Counter(
    "homefeed_recent_failures",
    "Writes to that store that failed and are tried again (write), and acts left out because too many wait (queue).",
    ["operation"],
)
RELEASE = Gauge(
    "homefeed_release", "1 for a release that is loaded in a stage.", ["release", "stage"], multiprocess_mode="max"
)
BUNDLE_FAILURES = Counter("homefeed_bundle_failures", "Bundles that could not be loaded.", ["release"])
CALIBRATED = Gauge(
    "homefeed_calibrated_until_seconds",
    "End of the newest window that the calibrators of a release were compared on, since they were fitted again.",
    ["release"],
    multiprocess_mode="max",
)
CORRECTED = Gauge(
    "homefeed_corrected_videos",
    "Videos whose heads a release corrects by what viewers made of them since it was trained.",
    ["release"],
    multiprocess_mode="max",
)
CALIBRATION_FAILURES = Counter(
    "homefeed_calibration_failures", "Files of calibrators that could not be used; those before them stay.", ["release"]
)
REFRESH_FAILURES = Counter("homefeed_refresh_failures", "Background refreshes that failed.", ["part"])
SNAPSHOT_AGE = Gauge("homefeed_snapshot_age_seconds", "Age of the candidate features.", multiprocess_mode="mostrecent")
SHADOW = Counter("homefeed_shadow_pages", "Pages made in shadow.", ["release", "outcome"])
SHARD_SECONDS = Histogram(
    "homefeed_shard_seconds", "Time until an index shard's answer was read.", ["shard"], buckets=_LATENCY_S
)
SHARDS_MISSED = Counter(
    "homefeed_shards_missed",
    "Searches that went without an index shard: it was late (timeout), failed (error) or is left alone (breaker).",
    ["shard", "reason"],
)
SHARD_QUERIES = Counter("homefeed_shard_queries", "Query vectors that this index shard searched for.")


@functools.cache
def _child(metric: Counter | Histogram, labels: tuple[str, ...]) -> Counter | Histogram:
    return metric.labels(*labels)


def child(metric: Metric, *labels: str) -> Metric:
    """`metric.labels(*labels)`, looked up once: done for each page it costs more than what is counted."""
    found: Metric = _child(metric, labels)  # type: ignore[assignment]
    return found
