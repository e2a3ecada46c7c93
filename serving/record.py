"""The last step of the pipeline: every page goes to the serving log and into the metrics."""

from datetime import datetime
from typing import Any

import numpy as np

from homefeed.serving_log import ServingLog
from serving import metrics
from serving.draft import Draft
from serving.feature_log import log_features
from serving.fleet import Arm
from serving.interleavings import Interleaving
from serving.request import PageRequest
from serving.sources import NAMES

#: The stage of a page that two releases drafted: it counts for neither.
INTERLEAVED = "interleaved"
#: Label of a slot that exploration did not choose, and of one that it chose.
_EXPLORED = ("false", "true")


def record(
    log: ServingLog,
    draft: Draft,
    arm: Arm | None,
    answer: dict[str, Any],
    caller_id: str,
    interleaving: Interleaving | None = None,
) -> None:
    """Log one answered page, slot by slot with its propensity, and count it; `interleaving` says who drafted it."""
    slate = draft.slate
    assert slate is not None
    stage = INTERLEAVED if interleaving else arm.stage.value if arm else ""
    metrics.child(metrics.PAGES, answer["release"], stage).inc()
    metrics.child(metrics.PAGE_SECONDS, stage).observe(answer["latency_ms"] / 1000)
    for part in draft.degraded:
        metrics.DEGRADED.labels(part=part).inc()
    for step, number in draft.counts.items():
        metrics.child(metrics.CANDIDATES, step).inc(number)
    filled = np.bincount(draft.source[slate.index] * 2 + slate.explored, minlength=2 * len(NAMES))
    for code in np.flatnonzero(filled):
        metrics.child(metrics.SLOTS, NAMES[code // 2], _EXPLORED[code % 2]).inc(int(filled[code]))
    log_features(log, draft)
    row = request_row(draft.request_id, draft.time, draft.request, arm, answer["latency_ms"])
    row |= {"release": answer["release"], "stage": stage}
    if interleaving is not None and slate.team is not None:
        known = {name: row[name] for name in ("request_id", "time", "user")}
        drafted = {"experiment": interleaving.name, "releases": interleaving.releases, "teams": slate.team.tolist()}
        log.add("interleaved", known | drafted)
    told = {"degraded": draft.degraded, "num_candidates": len(draft.rows), "caller_id": caller_id}
    log.add("requests", row | told)
    log.add(
        "pages",
        {
            "request_id": draft.request_id,
            "time": draft.time,
            "user": draft.request.user,
            "release": answer["release"],
            "device": draft.request.device,
            "exploration": draft.exploration,
            "knob_arm": draft.knob_arm,
            "videos": [video["video"] for video in answer["videos"]],
            "sources": [video["source"] for video in answer["videos"]],
            "scores": slate.score.tolist(),
            "propensities": slate.propensity.tolist(),
            "explored": slate.explored.tolist(),
        },
    )


def request_row(
    request_id: str, now: datetime, request: PageRequest, arm: Arm | None, latency_ms: float, *, error: str = ""
) -> dict[str, Any]:
    """A row of `homefeed.serving_log.REQUESTS` for a request without candidates yet."""
    return {
        "request_id": request_id,
        "time": now,
        "user": request.user,
        "release": arm.release if arm else "",
        "stage": arm.stage.value if arm else "",
        "latency_ms": latency_ms,
        "degraded": [],
        "num_candidates": 0,
        "error": error,
    }
