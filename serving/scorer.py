"""The worth of showing each candidate: by the bundle's ranker, or by what is trending when there is none."""

import logging

import numpy as np

from serving.draft import Draft

_logger = logging.getLogger(__name__)


def score(draft: Draft) -> None:
    """Fill `heads` and `score`, both in the candidates' order."""
    if draft.bundle is not None and len(draft.rows):
        try:
            context = {"time": draft.time, "device": draft.request.device}
            heads = draft.bundle.score(draft.viewer.row, draft.columns, context)
            value = np.asarray(draft.bundle.value(heads), np.float32)
            if value.shape != draft.rows.shape:
                raise ValueError(f"{value.shape} values for {draft.rows.shape} candidates")
            if not np.isfinite(value).all():
                raise ValueError(f"{int((~np.isfinite(value)).sum())} of {len(value)} values are not finite")
        except Exception:  # a part that fails degrades the page, never the request
            _logger.exception("the ranker of %s failed for request %s", draft.bundle.release, draft.request_id)
            draft.degraded.append("ranker")
        else:
            draft.heads, draft.score = heads, value
            return
    draft.score = draft.snapshot.trending_score[draft.rows]
