"""Nearest neighbours of some titles, as cards."""

from html import escape
from typing import Any

from models.report.section import not_measured, section

_KINDS = {"popular": "popular", "new": "new upload"}


def neighbours(found: list[dict[str, Any]], num_videos: int) -> str:
    """The `examples.Example`s of a training, as plain values."""
    sentence = (
        "Do videos that the model holds for alike belong together? Under some of the most watched videos and of the "
        "newest ones stand those with the nearest vectors, by cosine: 1 is the same direction, 0 unrelated. A topic in "
        "green is the same."
    )
    if not found:
        return section("Nearest neighbours", sentence, not_measured(f"the catalogue has {num_videos} videos"))
    return section("Nearest neighbours", sentence, f'<div class="cards">{"".join(map(_card, found))}</div>')


def _card(one: dict[str, Any]) -> str:
    rows = "".join(
        f'<li><span class="title">{_title(other)}<small>{_about(other, one["topic"])}</small></span>'
        f"<b>{other['cosine']:.3f}</b></li>"
        for other in one["neighbours"]
    )
    body = f'<ol class="near">{rows}</ol>' if rows else not_measured("there is no other video")
    return (
        f'<div class="card"><span class="tag {one["kind"]}">{_KINDS[one["kind"]]}</span><h3>{_title(one)}</h3>'
        f"<p>{_about(one)} · {one['num_watches']:,} watches in 7 days · {_age(one['age_h'])} old</p>{body}</div>"
    )


def _title(video: dict[str, Any]) -> str:
    return escape(video["title"]) or "(no title)"


def _about(video: dict[str, Any], topic: str | None = None) -> str:
    style = ' class="same"' if video["topic"] == topic else ""
    return f"<span{style}>{escape(video['topic'])}</span> · {escape(video['channel'])}"


def _age(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:,.0f} days"
