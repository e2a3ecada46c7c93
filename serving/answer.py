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
    rows, columns = draft.rows[slate.index], draft.snapshot.columns
    text = draft.snapshot.texts(("video_id", "title", "channel_id", "topics"), rows)
    topics = [topics or [] for topics in text["topics"]]
    shown = {
        "slot": range(len(rows)),
        "video": text["video_id"],
        "title": text["title"],
        "channel": text["channel_id"],
        "topics": topics,
        "duration_s": columns["duration_s"][rows].tolist(),
        "uploaded": [f"{time}+00:00" for time in columns["uploaded"][rows].astype("M8[us]").astype(str).tolist()],
        "source": [NAMES[source] for source in draft.source[slate.index].tolist()],
        "score": slate.score.tolist(),
        "propensity": slate.propensity.tolist(),
        "explored": slate.explored.tolist(),
        "why": reasons(draft, text["channel_id"], topics),
    }
    videos = [dict(zip(shown, facts, strict=True)) for facts in zip(*shown.values(), strict=True)]
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
