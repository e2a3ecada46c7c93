"""HTML of one card: picture, title, channel, age, length, what can be done with it, and why it is there."""

from datetime import datetime
from html import escape
from typing import Any

import orjson

from serving.home.art import hue, thumbnail

_SOURCES = {
    "subscriptions": "Subscription",
    "more_like": "More like this",
    "two_tower": "For you",
    "trending": "Trending",
    "fresh": "Fresh",
}
#: How a head is told: its name on the page, and whether it is a share of 100 or seconds.
_HEADS = {
    "watched": ("Will be watched", "%"),
    "watch_s": ("Watch time", "s"),
    "completion": ("Share watched", "%"),
    "liked": ("Liked", "%"),
    "subscribed": ("Subscribed", "%"),
    "shared": ("Shared", "%"),
    "dismissed": ("Dismissed", "%"),
}
_PLAY = '<svg class="play" viewBox="0 0 32 32" aria-hidden="true"><path d="M12 9l11 7-11 7z"/></svg>'


def card(video: dict[str, Any], now: datetime, release: str) -> str:
    """A list item.

    Args:
      video: a slot of an answer of `/v1/recommend` that was asked with `explain`.
      now: the time of the page.
      release: the release that made it.
    """
    topic = video["topics"][0] if video["topics"] else ""
    slot, title, channel = video["slot"], escape(video["title"]), escape(video["channel"])
    age = _ago((now - datetime.fromisoformat(video["uploaded"])).total_seconds())
    badge = '<span class="badge new">Discovery</span>' if video["explored"] else ""
    names = ("video", "slot", "source", "score", "propensity", "explored")
    data = escape(orjson.dumps({name: video[name] for name in names}).decode())
    return f"""<li class="card" data-topic="{escape(topic)}" data-slot="{data}" data-length="{video["duration_s"]:.0f}">
<button class="thumb" type="button" data-act="watch" aria-label="Watch {title}, {_spoken(video["duration_s"])}">
{thumbnail(topic or channel, video["video"], video["duration_s"])}
<span class="topic">{escape(topic)}</span>{badge}{_PLAY}
<span class="badge time">{_length(video["duration_s"])}</span></button>
<div class="about"><span class="avatar hue-{hue(channel) // 30}" aria-hidden="true">{_initials(video["channel"])}</span>
<div><h2 id="title-{slot}">{title}</h2><p class="by">{channel} · {age}</p></div></div>
<div class="acts">{_button("like", "Like", slot)}
{_button("not_interested", "Not interested", slot)}</div>
{_why(video, release)}</li>"""


def _button(act: str, name: str, slot: int) -> str:
    return (
        f'<button type="button" data-act="{act}" aria-pressed="false" aria-describedby="title-{slot}">{name}</button>'
    )


def _why(video: dict[str, Any], release: str) -> str:
    source = _SOURCES.get(video["source"], video["source"])
    facts = [
        ("Proposed by", f"{source} <code>{escape(video['source'])}</code>"),
        ("Chosen by", "exploration" if video["explored"] else "its value"),
        ("Probability of this slot", _percent(video["propensity"])),
        ("Value", f"{video['score']:.4f}"),
        *(
            (label, _percent(value) if unit == "%" else f"{value:.0f} s")
            for name, value in video.get("heads", {}).items()
            for label, unit in [_HEADS.get(name, (name.replace("_", " "), "%"))]
        ),
        ("Release", f"<code>{escape(release.replace('+', ' and ') or 'none yet')}</code>"),
    ]
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<details class="why"><summary><b>{escape("Discovery" if video["explored"] else source)}</b> '
        f'{escape(video["why"])}<span class="visually-hidden">: why this video</span></summary>'
        f"<dl>{rows}</dl></details>"
    )


def _percent(share: float) -> str:
    if 0 < share < 0.0001:
        return "under 0.01 %"
    return f"{share * 100:.0f} %" if share >= 0.1 or share == 0 else f"{share * 100:.2g} %"


def _initials(channel: str) -> str:
    return escape("".join(word[0] for word in channel.replace("-", " ").split()[:2]).upper())


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"


def _ago(seconds: float) -> str:
    for unit, size in (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"
