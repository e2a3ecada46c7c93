"""Why a video is on the page: one sentence for the viewer, from the source that proposed it."""

from typing import Any

import numpy as np

from serving.draft import Draft
from serving.sources import NAMES

_HOUR_US = 3_600_000_000


def reasons(draft: Draft, channels: list[str], topics: list[list[str]]) -> list[str]:
    """One sentence per slot; the lists hold the strings of each slot's video."""
    slate = draft.slate
    assert slate is not None
    rows = draft.rows[slate.index]
    seeds = draft.seed[slate.index]
    seed_titles = draft.snapshot.texts("title", np.maximum(seeds, 0))
    columns = {
        name: draft.snapshot.columns[name][rows].tolist()
        for name in ("uploaded", "video_watches_1h", "video_watches_24h")
    }
    is_new = len(draft.viewer.keys("history_videos")) == 0
    sentences = []
    explored = slate.explored.tolist()
    for slot, source in enumerate(draft.source[slate.index].tolist()):
        facts = {name: column[slot] for name, column in columns.items()}
        if explored[slot]:
            is_fresh = draft.time_us - int(facts["uploaded"]) < draft.settings.fresh_h * _HOUR_US
            new = _age(draft, facts) if is_fresh or not topics[slot] else topics[slot][0]
            sentences.append(f"Something new to try: {new}")
        elif NAMES[source] == "subscriptions":
            sentences.append(f"You subscribe to {channels[slot]}")
        elif NAMES[source] == "more_like":
            sentences.append(f"Because you watched “{seed_titles[slot]}”")
        elif NAMES[source] == "two_tower" and not is_new:
            sentences.append(f"Fits what you watch{f': {topics[slot][0]}' if topics[slot] else ''}")
        elif NAMES[source] == "two_tower":
            sentences.append("A good place to start")
        elif NAMES[source] == "fresh":
            sentences.append(_age(draft, facts).capitalize())
        else:
            sentences.append(_trend(facts))
    return sentences


def _trend(facts: dict[str, Any]) -> str:
    if facts["video_watches_1h"] >= 2:
        return f"Watched {facts['video_watches_1h']:.0f} times in the last hour"
    if facts["video_watches_24h"] >= 2:
        return f"Watched {facts['video_watches_24h']:.0f} times today"
    return "From the catalogue"


def _age(draft: Draft, facts: dict[str, Any]) -> str:
    hours = max(draft.time_us - int(facts["uploaded"]), 0) / _HOUR_US
    if hours < 1:
        return f"uploaded {max(int(hours * 60), 1)} min ago"
    return f"uploaded {int(hours)} h ago" if hours < 48 else f"uploaded {int(hours / 24)} days ago"
