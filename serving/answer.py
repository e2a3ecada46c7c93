"""The answer: the slots of a finished draft with the strings a viewer reads."""

from typing import Any

from serving.draft import Draft
from serving.reason import reasons
from serving.sources import NAMES


def page_of(draft: Draft, release: str) -> dict[str, Any]:
    """The page of a finished draft that `release` chose, as `serving.request.Page` describes it; the caller fills in
    `latency_ms`."""
    slate = draft.slate
    assert slate is not None
    rows, snapshot = draft.rows[slate.index], draft.snapshot
    channels, topics = snapshot.channels[rows].tolist(), snapshot.topics.at(rows)
    shown = zip(
        range(len(rows)),
        snapshot.ids.at(rows),
        snapshot.titles.at(rows),
        channels,
        topics,
        snapshot.columns["duration_s"][rows].tolist(),
        snapshot.columns["uploaded"][rows].astype("M8[us]").astype(str).tolist(),
        draft.source[slate.index].tolist(),
        slate.score.tolist(),
        slate.propensity.tolist(),
        slate.explored.tolist(),
        reasons(draft, channels, topics),
        strict=True,
    )
    videos = [
        {
            "slot": slot,
            "video": video,
            "title": title,
            "channel": channel,
            "topics": about,
            "duration_s": duration_s,
            "uploaded": f"{uploaded}+00:00",
            "source": NAMES[source],
            "score": score,
            "propensity": propensity,
            "explored": explored,
            "why": why,
        }
        for slot, video, title, channel, about, duration_s, uploaded, source, score, propensity, explored, why in shown
    ]
    return {
        "request_id": draft.request_id,
        "release": release,
        "user": draft.request.user,
        "time": draft.time.isoformat(),
        "latency_ms": 0.0,
        "degraded": draft.degraded,
        "videos": videos,
    }


def add_heads(answer: dict[str, Any], draft: Draft) -> None:
    """Put each video's calibrated heads into the answer of `page_of`."""
    slate = draft.slate
    assert slate is not None
    heads = {name: values[slate.index].tolist() for name, values in draft.heads.items()}
    for slot, video in enumerate(answer["videos"]):
        video["heads"] = {name: values[slot] for name, values in heads.items()}


def debug_of(draft: Draft, waited_s: float) -> dict[str, Any]:
    """How a finished draft was made, as `serving.request.Debug` describes it."""
    return {
        "stages_ms": {name: round(1000 * seconds, 3) for name, seconds in draft.stages_s.items()},
        "counts": draft.counts,
        "num_ranked": len(draft.rows),
        "deadline_ms": round(1000 * draft.budget.deadline_s, 3),
        "waited_ms": round(1000 * waited_s, 3),
    }
