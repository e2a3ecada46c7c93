"""The worth of showing each candidate: by the bundle's ranker, or by what is trending when there is none."""

import logging
import time

import numpy as np

from serving.draft import Draft
from serving.metrics import RANKED

_logger = logging.getLogger(__name__)
#: Share of the deadline that is kept for what comes after ranking.
_RANKED_BY = 0.85


def score(draft: Draft) -> None:
    """Fill `heads` and `score`, both in the candidates' order; those that there is no time to rank are left out."""
    if draft.bundle is not None and len(draft.rows) and _cut(draft):
        try:
            began = time.perf_counter()
            context = {"time": draft.time, "device": draft.request.device}
            heads = draft.bundle.score(draft.viewer.row, draft.columns, context, draft.beside)
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
            draft.budget.pace.learn(len(value), time.perf_counter() - began)
            RANKED.observe(len(value))
            return
    draft.score = draft.snapshot.trending_score[draft.rows]


def _cut(draft: Draft) -> bool:
    """Leave out what is not ranked; False when there is no time to rank a page."""
    num, most = len(draft.rows), draft.most_ranked or draft.settings.num_ranked
    affordable = draft.budget.pace.affordable(draft.budget.left_s(_RANKED_BY))
    if affordable < min(num, draft.request.num):
        draft.degraded.append("no_time_to_rank")
        draft.budget.pace.doubt()
        return False
    if affordable < min(num, most):
        draft.degraded.append("fewer_ranked")
        most = int(affordable)
    if most < num:
        draft.keep(np.sort(np.argsort(draft.place, kind="stable")[:most]))
    draft.counts["left_out"] = num - len(draft.rows)
    return True
