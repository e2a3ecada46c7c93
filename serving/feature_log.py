"""Feature vectors that pages were ranked by, some of them, in the log: what monitoring holds against training's own."""

import logging
from typing import Any

import numpy as np

from homefeed.buckets import bucket
from homefeed.serving_log import ServingLog
from homefeed.snapshot_versions import versions_of
from serving.draft import Draft

_logger = logging.getLogger(__name__)
#: Candidates of a page that are logged, from its first slot to its last.
_PER_PAGE = 5


def log_features(log: ServingLog, draft: Draft) -> None:
    """Log what the ranker read of a few candidates, for `serving.feature_share` of the pages that it ranked.

    A failure costs the page nothing: it is told in the service's log.
    """
    if draft.bundle is None or not draft.heads or bucket("features", draft.request_id) >= draft.settings.feature_share:
        return
    if any(part.startswith("viewer_") for part in draft.degraded):
        # The page did without the viewer's row: that is a failure, told elsewhere, and no skew.
        return
    try:
        log.add("features", _row(draft))
    except Exception:  # whatever goes wrong here, the page is answered
        _logger.exception("the features of request %s could not be logged", draft.request_id)


def _row(draft: Draft) -> dict[str, Any]:
    assert draft.bundle is not None
    assert draft.slate is not None
    index = draft.slate.index
    places = np.unique(np.linspace(0, len(index) - 1, min(_PER_PAGE, len(index))).astype(np.int64))
    candidates = draft.snapshot.take(draft.rows[index[places]])
    viewer = draft.viewer.row
    inputs = draft.bundle.inputs(viewer, candidates, {"time": draft.time, "device": draft.request.device})
    return {
        "request_id": draft.request_id,
        "time": draft.time,
        "user": draft.request.user,
        "release": draft.bundle.release,
        "window": draft.snapshot.window,
        "versions": versions_of(draft.snapshot.table.schema),
        "device": draft.request.device,
        "country": viewer["country"],
        "language": viewer["language"],
        "age": None if viewer["age"] is None else int(viewer["age"]),
        "videos": candidates["video"],
        "dense": [*inputs.dense],
        **{name: viewer[name] for name in ("history_videos", "history_times", "history_fractions")},
        "subscribed_channels": viewer["subscribed_channels"],
    }
