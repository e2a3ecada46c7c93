"""The page pipeline. The order of the stages is the list below; the runner times each and holds it to its budget."""

import time
from collections.abc import Callable

from serving.draft import Draft
from serving.filters import keep_servable
from serving.metrics import OVER_BUDGET, STAGE_SECONDS, child
from serving.scorer import score
from serving.selector import select
from serving.sources import gather


def hydrate(draft: Draft) -> None:
    """Name the rows whose columns later stages take from the snapshot, each when it is first read."""
    draft.columns = draft.snapshot.take(draft.rows)


#: Name, stage, and the share of the page's deadline that may have passed at its end. The log, the last step of the
#: design's list, is written by `serving.feed` when the answer is known.
STAGES: tuple[tuple[str, Callable[[Draft], None], float], ...] = (
    ("sources", gather, 0.4),
    ("hydrate", hydrate, 0.4),
    ("filter", keep_servable, 0.5),
    ("score", score, 0.85),
    ("select", select, 0.95),
)


def run(draft: Draft) -> Draft:
    """Take a draft through every stage; afterwards its `slate` is the page."""
    for name, stage, share in STAGES:
        began = time.perf_counter()
        stage(draft)
        draft.stages_s[name] = time.perf_counter() - began
        child(STAGE_SECONDS, name).observe(draft.stages_s[name])
        if draft.budget.left_s(share) < 0:
            OVER_BUDGET.labels(stage=name).inc()
    return draft
