"""The policies that are compared: how each makes the page of a draft."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from serving.draft import Draft
from serving.filters import keep_servable
from serving.pipeline import hydrate, run
from serving.selector import select


@dataclass(frozen=True)
class Policy:
    """One policy.

    Attributes:
      name: as it is reported.
      exploration: the knob; None where it has no part.
      is_trained: whether a release answers.
      page: fills the slate of a draft.
    """

    name: str
    exploration: float | None
    is_trained: bool
    page: Callable[[Draft], Draft]


#: Pure relevance: what every other policy is compared with.
VALUE_ALONE = "value alone"


def policies(knobs: list[float]) -> list[Policy]:
    """Pure relevance, the ranker at each value of the knob, then what is trending, then chance."""
    ranked = [Policy(f"ranker {knob:g}", knob, True, run) for knob in knobs]
    # Without a bundle the pipeline answers with what is trending.
    rivals = [Policy("trending", None, False, run), Policy("random", None, False, _by_chance)]
    return [Policy(VALUE_ALONE, None, True, _by_value), *ranked, *rivals]


def _by_value(draft: Draft) -> Draft:
    """The best by the ranker's value: nothing is explored, and nothing spread over channels and topics."""
    draft.settings = draft.settings.model_copy(update={"channel_decay": 1.0, "topic_decay": 1.0})
    return run(draft)


def _by_chance(draft: Draft) -> Draft:
    """A page of any videos that the viewer may see, in any order."""
    draft.rows = np.arange(len(draft.snapshot))
    draft.source = np.zeros(len(draft.rows), np.int8)
    draft.seed = np.full(len(draft.rows), -1, np.int64)
    draft.place = np.zeros(len(draft.rows), np.float32)
    hydrate(draft)
    keep_servable(draft)
    draft.score = draft.rng("random").random(len(draft.rows), dtype=np.float32)
    select(draft)
    return draft
