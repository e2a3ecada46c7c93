"""The page pipeline. The order of the stages is the list below; the runner times each and holds it to its contract."""

import time
from collections.abc import Callable

from serving.draft import Draft
from serving.filters import keep_servable
from serving.metrics import STAGE_SECONDS
from serving.scorer import score
from serving.selector import select
from serving.sources import gather


def hydrate(draft: Draft) -> None:
    """Take every column of the candidates from the snapshot."""
    draft.columns = draft.snapshot.take(draft.rows)


#: Name -> stage. The log, the last step of the design's list, is written by `serving.feed` when the answer is known.
STAGES: tuple[tuple[str, Callable[[Draft], None]], ...] = (
    ("sources", gather),
    ("hydrate", hydrate),
    ("filter", keep_servable),
    ("score", score),
    ("select", select),
)


def run(draft: Draft) -> Draft:
    """Take a draft through every stage; afterwards its `slate` is the page."""
    for name, stage in STAGES:
        began = time.perf_counter()
        stage(draft)
        STAGE_SECONDS.labels(stage=name).observe(time.perf_counter() - began)
    return draft
