"""Why a video is on the page: one sentence for the viewer, from the source that proposed it."""

import numpy as np

from serving.draft import Draft
from serving.sources import NAMES

_HOUR_US = 3_600_000_000


def reasons(draft: Draft, channels: list[str], topics: list[list[str]]) -> list[str]:
    """One sentence per slot; the lists hold the strings of each slot's video."""
    slate = draft.slate
    assert slate is not None
    rows = draft.rows[slate.index]
    seeds = draft.seed[slate.index].tolist()
    watched = sorted({*seeds} - {-1})
    titles = dict(zip(watched, draft.snapshot.titles.at(np.array(watched, np.int64)), strict=True))
    uploaded, last_hour, today = (
        draft.snapshot.columns[name][rows].tolist() for name in ("uploaded", "video_watches_1h", "video_watches_24h")
    )
    is_new = len(draft.viewer.keys("history_videos")) == 0
    time_us, fresh_us = draft.time_us, draft.settings.fresh_h * _HOUR_US
    sentences = []
    explored = slate.explored.tolist()
    for slot, source in enumerate(draft.source[slate.index].tolist()):
        age_us = time_us - uploaded[slot]
        if explored[slot]:
            new = _age(age_us) if age_us < fresh_us or not topics[slot] else topics[slot][0]
            sentences.append(f"Something new to try: {new}")
        elif NAMES[source] == "subscriptions":
            sentences.append(f"You subscribe to {channels[slot]}")
        elif NAMES[source] == "more_like":
            sentences.append(f"Because you watched “{titles[seeds[slot]]}”")
        elif NAMES[source] == "two_tower" and not is_new:
            sentences.append(f"Fits what you watch{f': {topics[slot][0]}' if topics[slot] else ''}")
        elif NAMES[source] == "two_tower":
            sentences.append("A good place to start")
        elif NAMES[source] == "fresh":
            sentences.append(_age(age_us).capitalize())
        else:
            sentences.append(_trend(last_hour[slot], today[slot]))
    return sentences


def _trend(last_hour: float, today: float) -> str:
    if last_hour >= 2:
        return f"Watched {last_hour:.0f} times in the last hour"
    if today >= 2:
        return f"Watched {today:.0f} times today"
    return "From the catalogue"


def _age(age_us: int) -> str:
    hours = max(age_us, 0) / _HOUR_US
    if hours < 1:
        return f"uploaded {max(int(hours * 60), 1)} min ago"
    return f"uploaded {int(hours)} h ago" if hours < 48 else f"uploaded {int(hours / 24)} days ago"
