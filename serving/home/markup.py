"""HTML of the home page, made on the server: it reads without a script; `home.js` adds filtering and watching."""

import hashlib
from collections import Counter
from datetime import datetime
from html import escape
from typing import Any

import orjson

#: The viewer of the page when none is chosen: nobody's history.
GUEST = "guest"
_SOURCES = {
    "subscriptions": "Subscription",
    "more_like": "More like this",
    "two_tower": "For you",
    "trending": "Trending",
    "fresh": "Fresh",
}
_DEGRADED = {
    "no_release": "no model is live yet: this is what is trending",
    "stale_release": "the newest release cannot be loaded: the one before it answers",
    "ranker": "the ranker failed: this is what is trending",
    "viewer_no_store": "viewer features are not published yet",
}


def home(page: dict[str, Any], state: dict[str, Any]) -> str:
    """The whole page.

    Args:
      page: an answer of `/recommend`.
      state: an answer of `/release`.
    """
    now = datetime.fromisoformat(page["time"])
    videos = page["videos"]
    cards = "\n".join(_card(video, now) for video in videos)
    data = orjson.dumps({name: page[name] for name in ("request_id", "release", "user", "time")}).decode()
    data = data.replace("<", "\\u003c")  # nothing in it may end the script element
    return _document(
        f"{page['user']} · Homefeed",
        f"""{_header(page["user"], state["exploration"])}
<main id="page">
  <div class="intro">
    <h1>{"Welcome" if page["user"] == GUEST else f"Picked for {escape(page['user'])}"}</h1>
    {_facts(page, state)}
    <label class="record"><input type="checkbox" id="record"> Record what I do here: the platform learns from it</label>
  </div>
  {_topics(videos)}
  <ol class="grid" id="grid">{cards}</ol>
  <p class="empty" id="empty" hidden>No video of this topic on the page.</p>
</main>
{_PLAYER}
<footer><nav aria-label="For operators"><a href="/docs">API docs</a><a href="/release">Release</a>
<a href="/metrics">Metrics</a></nav><span>Request <code>{escape(page["request_id"])}</code></span></footer>
<script type="application/json" id="data">{data}</script>
<script src="/home.js" defer></script>""",
    )


def message(title: str, text: str) -> str:
    """A page that says why there is no grid."""
    return _document(
        "Homefeed",
        f"""{_header(GUEST, 0.1)}
<main id="page" class="message"><h1>{escape(title)}</h1><p>{escape(text)}</p>
<p><a class="button" href="/">Try again</a></p></main>""",
    )


def _document(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect
 width='32' height='32' rx='9' fill='%23e4572e'/%3E%3Cpath d='M12 9l11 7-11 7z' fill='white'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/home.css">
</head>
<body>
<a class="skip" href="#page">Skip to the videos</a>
{body}
</body>
</html>
"""


def _header(user: str, exploration: float) -> str:
    shown = "" if user == GUEST else escape(user)
    return f"""<header>
  <a class="brand" href="/" aria-label="Homefeed, start page"><svg viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="9"/><path d="M12 9l11 7-11 7z"/></svg><span>Homefeed</span></a>
  <form method="get" action="/" role="search">
    <label for="user">Viewer</label>
    <input id="user" name="user" value="{shown}" placeholder="viewer-000042" maxlength="64" autocomplete="off"
      autocapitalize="none" spellcheck="false" list="viewers" required>
    <datalist id="viewers"></datalist>
    <label for="exploration" class="wide">Discovery</label>
    <select id="exploration" name="exploration" class="wide">
      <option value="">{exploration:.0%} (default)</option><option value="0">off</option>
      <option value="0.25">25%</option><option value="0.5">50%</option>
    </select>
    <button type="submit">Show page</button>
  </form>
</header>"""


def _facts(page: dict[str, Any], state: dict[str, Any]) -> str:
    release = escape(page["release"]) or "no release yet"
    window = escape(state["snapshot"]["window"]) if state["snapshot"] else ""
    facts = [
        f"<li><b>{len(page['videos'])}</b> videos</li>",
        f"<li>in <b>{page['latency_ms']:.0f} ms</b></li>",
        f"<li>by <b>{release}</b></li>",
        f"<li>features of <b>{window}</b></li>",
    ]
    notes = "".join(
        f'<p class="note" role="status">{escape(_DEGRADED.get(part, f"without {part}"))}</p>'
        for part in page["degraded"]
    )
    return f'<ul class="facts">{"".join(facts)}</ul>{notes}'


def _topics(videos: list[dict[str, Any]]) -> str:
    common = Counter(topic for video in videos for topic in video["topics"][:1]).most_common(10)
    chips = "".join(
        f'<button type="button" data-topic="{escape(topic)}" aria-pressed="false">{escape(topic.capitalize())} '
        f"<small>{number}</small></button>"
        for topic, number in common
    )
    return (
        '<div class="chips" role="group" aria-label="Show one topic">'
        f'<button type="button" data-topic="" aria-pressed="true">All</button>{chips}</div>'
    )


def _card(video: dict[str, Any], now: datetime) -> str:
    topic = video["topics"][0] if video["topics"] else ""
    title, channel = escape(video["title"]), escape(video["channel"])
    age = _ago((now - datetime.fromisoformat(video["uploaded"])).total_seconds())
    badge = '<span class="badge new">New</span>' if video["explored"] else ""
    source = "Discovery" if video["explored"] else _SOURCES.get(video["source"], video["source"])
    initials = escape("".join(word[0] for word in video["channel"].replace("-", " ").split()[:2]).upper())
    data = escape(
        orjson.dumps(
            {name: video[name] for name in ("video", "slot", "source", "score", "propensity", "explored")}
        ).decode()
    )
    figures = f"Proposed by {escape(video['source'])}; value {video['score']:.4f}; propensity {video['propensity']:.4f}"
    hues = f"--hue:{_hue(topic or channel)};--tilt:{_hue(video['video'])}"
    return f"""<li class="card" data-topic="{escape(topic)}" data-slot="{data}" style="{hues}">
  <button class="thumb" type="button" data-act="watch" aria-label="Watch {title}">
    <span class="topic">{escape(topic)}</span>{badge}
    <svg class="play" viewBox="0 0 32 32" aria-hidden="true"><path d="M12 9l11 7-11 7z"/></svg>
    <span class="badge time"><span class="visually-hidden">Length </span>{_length(video["duration_s"])}</span></button>
  <div class="about"><span class="avatar" style="--hue:{_hue(channel)}" aria-hidden="true">{initials}</span>
    <div><h2>{title}</h2><p class="by">{channel} · {age}</p></div></div>
  <p class="why" title="{figures}"><b>{escape(source)}</b> {escape(video["why"])}</p>
  <div class="acts"><button type="button" data-act="like" aria-pressed="false">Like</button>
    <button type="button" data-act="not_interested" aria-pressed="false">Not interested</button></div>
</li>"""


def _hue(text: str) -> int:
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:2], "big") % 360


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _ago(seconds: float) -> str:
    for unit, size in (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"


_PLAYER = """<dialog id="player" aria-labelledby="playing">
  <div class="screen"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M12 9l11 7-11 7z"/></svg></div>
  <h2 id="playing"></h2>
  <p>Watched for <b id="elapsed">0</b> s.</p>
  <form method="dialog"><button>Stop watching</button></form>
</dialog>"""
