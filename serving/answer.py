"""The answer: the slots of a finished draft with the strings a viewer reads."""

from datetime import UTC
from typing import Any

from serving.draft import Draft
from serving.fleet import Arm
from serving.reason import reasons
from serving.sources import NAMES


def page_of(draft: Draft, arm: Arm | None) -> dict[str, Any]:
    """The page of a finished draft, as `serving.request.Page` describes it; the caller fills in `latency_ms`."""
    slate = draft.slate
    assert slate is not None
    shown = draft.snapshot.table.select(["video_id", "title", "channel_id", "topics", "duration_s", "uploaded"]).take(
        draft.rows[slate.index]
    )
    text = {name: shown.column(name).to_pylist() for name in ("video_id", "title", "channel_id")}
    topics = [list(t or []) for t in shown.column("topics").to_pylist()]
    videos = [
        {
            "slot": slot,
            "video": text["video_id"][slot],
            "title": text["title"][slot],
            "channel": text["channel_id"][slot],
            "topics": topics[slot],
            "duration_s": duration_s,
            "uploaded": uploaded.astimezone(UTC).isoformat(),
            "source": NAMES[source],
            "score": score,
            "propensity": propensity,
            "explored": explored,
            "why": why,
        }
        for slot, (duration_s, uploaded, source, score, propensity, explored, why) in enumerate(
            zip(
                shown.column("duration_s").to_pylist(),
                shown.column("uploaded").to_pylist(),
                draft.source[slate.index].tolist(),
                slate.score.tolist(),
                slate.propensity.tolist(),
                slate.explored.tolist(),
                reasons(draft, text["channel_id"], topics),
                strict=True,
            )
        )
    ]
    return {
        "request_id": draft.request_id,
        "release": arm.release if arm else "",
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
