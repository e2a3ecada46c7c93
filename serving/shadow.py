"""Pages made in shadow: the same request, another release, after the answer went out. Only figures are kept."""

import logging
import queue
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from homefeed.settings.serving import ServingSettings
from serving.draft import Draft
from serving.fleet import Arm
from serving.metrics import SHADOW
from serving.pipeline import run

_logger = logging.getLogger(__name__)
_TOP = 100


@dataclass(frozen=True)
class _Job:
    arm: Arm
    answered: Draft
    release: str


class Shadow:
    """One thread with a short queue; pages that do not fit are dropped and counted, so that answers come first.

    Args:
      settings: share of the requests and length of the queue.
      log: takes one row of `serving_log.SHADOW` per page.
    """

    def __init__(self, settings: ServingSettings, log: Any) -> None:
        self._share = settings.shadow_share
        self._log = log
        self._queue: queue.Queue[_Job | None] = queue.Queue(settings.shadow_queue)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, arms: tuple[Arm, ...], answered: Draft, release: str) -> None:
        """Ask `arms` for the page that `release` has just answered, or for a share of such pages."""
        for arm in arms:
            if random.random() < self._share:
                try:
                    self._queue.put_nowait(_Job(arm, answered, release))
                except queue.Full:
                    SHADOW.labels(release=arm.release, outcome="dropped").inc()

    def close(self) -> None:
        """Finish the queue and stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            began = time.perf_counter()
            draft, error = _again(job.answered, job.arm), ""
            try:
                run(draft)
                error = f"degraded: {', '.join(draft.degraded)}" if draft.degraded else ""
            except Exception as failure:  # a shadow page that fails is evidence, not an outage
                _logger.exception("the shadow page of %s failed", job.arm.release)
                error = f"{type(failure).__name__}: {failure}"
            SHADOW.labels(release=job.arm.release, outcome="error" if error else "made").inc()
            self._log.add("shadow", _comparison(job, draft, error, (time.perf_counter() - began) * 1000))


def _again(answered: Draft, arm: Arm) -> Draft:
    return Draft(
        request_id=answered.request_id,
        request=answered.request,
        time=answered.time,
        viewer=answered.viewer,
        snapshot=answered.snapshot,
        bundle=arm.bundle,
        settings=answered.settings,
        exploration=answered.exploration,
    )


def _comparison(job: _Job, draft: Draft, error: str, latency_ms: float) -> dict[str, Any]:
    """A row of `serving_log.SHADOW`. The overlap is of the best by score, without exploration's draws."""
    overlap = None
    if draft.slate is not None and len(draft.rows):
        ours, theirs = _best(draft), _best(job.answered)
        overlap = len(np.intersect1d(ours, theirs)) / max(min(len(ours), len(theirs)), 1)
    return {
        "request_id": job.answered.request_id,
        "time": job.answered.time,
        "release": job.arm.release,
        "live_release": job.release,
        "latency_ms": latency_ms,
        "error": error,
        "overlap_at_100": overlap,
        "mean_score": _mean(draft),
        "live_mean_score": _mean(job.answered),
        "user": job.answered.request.user,
        "videos": _shown(draft),
        "live_videos": _shown(job.answered),
    }


def _shown(draft: Draft) -> Any:
    """Keys of the videos of the page, slot by slot; None when there is no page."""
    return None if draft.slate is None else draft.snapshot.keys[draft.rows[draft.slate.index]]


def _best(draft: Draft) -> Any:
    return draft.rows[np.argsort(-draft.score, kind="stable")[:_TOP]]


def _mean(draft: Draft) -> float | None:
    return float(np.sort(draft.score)[-_TOP:].mean()) if len(draft.score) else None
