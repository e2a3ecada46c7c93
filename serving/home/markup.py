"""HTML of the home page, made on the server: it reads without a script; `home.js` adds watching and saying so.

The head of a page is sent before its videos are chosen, so that a browser fetches style and script meanwhile.
"""

import hashlib
from collections import Counter
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import orjson

from serving.home.card import card

#: The viewer of the page when none is chosen.
GUEST = "guest"
_FOLDER = Path(__file__).parent
#: In the address of a file, so that a browser keeps it for as long as it is the same.
VERSION = hashlib.md5(
    (_FOLDER / "home.css").read_bytes() + (_FOLDER / "home.js").read_bytes(), usedforsecurity=False
).hexdigest()[:8]
_DEGRADED = {
    "no_release": "no model is live yet: this is what is trending",
    "stale_release": "the newest release cannot be loaded: the one before it answers",
    "ranker": "the ranker failed: this is what is trending",
    "viewer_no_store": "viewer features are not published yet",
}
_LOGO = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/>'
    '<path d="M12 9l11 7-11 7z"/></svg>'
)


def head(user: str, exploration: float | None, usual: float) -> str:
    """The document up to the videos.

    Args:
      user: the viewer.
      exploration: what was asked for; None is the service's own.
      usual: the service's own.
    """
    name = "guest" if user == GUEST else escape(user)
    return f"""{_top(f"{name} · Homefeed")}
{_header(user, usual if exploration is None else exploration, usual)}
<main id="page">
<div class="intro"><h1>{"Welcome" if user == GUEST else f"Picked for {name}"}</h1>
<a class="button quiet" data-next href="">Next page</a></div>
"""


def videos(page: dict[str, Any], state: dict[str, Any]) -> str:
    """The rest of the document.

    Args:
      page: an answer of `/v1/recommend` that was asked with `explain`.
      state: an answer of `/v1/release`.
    """
    now = datetime.fromisoformat(page["time"])
    cards = "\n".join(card(video, now, page["release"]) for video in page["videos"])
    data = orjson.dumps({name: page[name] for name in ("request_id", "release", "user", "time")}).decode()
    data = data.replace("<", "\\u003c")  # nothing in it may end the script element
    return f"""{_facts(page, state)}
{_topics(page["videos"])}
<ol class="grid" id="grid" aria-label="Videos">{cards}</ol>
<p class="empty" id="empty" hidden>No video of this topic on the page.</p>
<p class="more"><a class="button" data-next href="">Show the next page</a></p>
</main>
{_PLAYER}{_NEW_VIEWER}
<div class="toast" id="toast" role="status" aria-live="polite"></div>
<footer><label><input type="checkbox" id="record" checked>
What I do here is recorded, and the platform learns from it</label>
<nav aria-label="For operators"><a href="/docs">API</a><a href="/v1/release">Release</a>
<a href="/metrics">Metrics</a></nav>
<span>Request <code>{escape(page["request_id"])}</code></span></footer>
<script type="application/json" id="data">{data}</script>
{_END}"""


def message(title: str, text: str) -> str:
    """A whole document that says why there are no videos."""
    return f'{_top("Homefeed")}\n{_header(GUEST, 0.1, 0.1)}\n<main id="page">\n{apology(title, text)}'


def apology(title: str, text: str) -> str:
    """What comes after `head` when the page failed."""
    return f"""<div class="message"><h1>{escape(title)}</h1><p>{escape(text)}</p>
<p><a class="button" href="/">Try again</a></p></div></main>
{_END}"""


def _top(title: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="A page of videos, chosen by the release that is live, with the reason for each.">
<title>{title}</title>
<link rel="icon" href="/home.svg" type="image/svg+xml">
<link rel="stylesheet" href="/home.css?{VERSION}">
<script src="/home.js?{VERSION}" defer></script>
</head>
<body>
<a class="skip" href="#page">Skip to the videos</a>"""


_END = "</body>\n</html>\n"


def _header(user: str, exploration: float, usual: float) -> str:
    shown = "" if user == GUEST else escape(user)
    return f"""<header>
<a class="brand" href="/" aria-label="Homefeed, start page">{_LOGO}<span>Homefeed</span></a>
<form method="get" action="/" id="choose">
<div class="field viewer"><label for="user">Viewer</label>
<input id="user" name="user" value="{shown}" placeholder="viewer-000042" maxlength="64" autocomplete="off"
 autocapitalize="none" spellcheck="false" list="viewers" required><datalist id="viewers"></datalist>
<button type="submit">Show</button>
<button type="button" class="quiet" id="create" hidden>New<span class="wide"> viewer</span></button></div>
<div class="field knob"><label for="exploration">Exploration</label>
<input type="range" id="exploration" name="exploration" min="0" max="1" step="0.05" value="{exploration:.2f}"
 data-usual="{usual:.2f}" aria-describedby="share"><output id="share" for="exploration">{exploration:.0%}</output></div>
</form>
</header>"""


def _facts(page: dict[str, Any], state: dict[str, Any]) -> str:
    release = escape(page["release"].replace("+", " and ")) or "no release yet"
    window = escape(state["snapshot"]["window"]) if state["snapshot"] else ""
    explored = sum(video["explored"] for video in page["videos"])
    facts = [
        f"<b>{len(page['videos'])}</b> videos",
        f"<b>{explored}</b> by exploration",
        f"chosen by <b>{release}</b>",
        f"in <b>{page['latency_ms']:.0f} ms</b>",
        f"features of <b>{window}</b>",
    ]
    notes = "".join(
        f'<p class="note" role="status">{escape(_DEGRADED.get(part, f"without {part}"))}</p>'
        for part in page["degraded"]
    )
    items = "".join(f"<li>{fact}</li>" for fact in facts)
    return f'<ul class="facts">{items}<li id="changed" hidden></li></ul>{notes}'


def _topics(shown: list[dict[str, Any]]) -> str:
    common = Counter(topic for video in shown for topic in video["topics"][:1]).most_common(12)
    chips = "".join(
        f'<button type="button" data-topic="{escape(topic)}" aria-pressed="false">{escape(topic.capitalize())} '
        f"<small>{number}</small></button>"
        for topic, number in common
    )
    return (
        '<div class="chips" role="group" aria-label="Show one topic">'
        f'<button type="button" data-topic="" aria-pressed="true">All</button>{chips}</div>'
    )


_PLAYER = """<dialog id="player" aria-labelledby="playing">
<div class="screen"></div>
<h2 id="playing"></h2>
<label for="position">Watched <output id="elapsed" for="position">0:00</output> of <span id="whole"></span></label>
<input type="range" id="position" min="0" step="1" value="0">
<p>The picture is drawn, so it plays twenty times as fast as a video; the slider moves it on.</p>
<form method="dialog"><button>Stop watching</button></form>
</dialog>"""
_NEW_VIEWER = """<dialog id="newcomer" aria-labelledby="newcomer-title">
<h2 id="newcomer-title">A new viewer</h2>
<p>Starts without a history. What is said here changes the first page already.</p>
<form method="dialog" id="profile">
<label for="new-user">Name</label><input id="new-user" maxlength="64" required autocomplete="off" spellcheck="false">
<label for="new-country">Country</label><input id="new-country" pattern="[A-Z]{2}" maxlength="2" placeholder="DE"
 title="Two capital letters, as in ISO 3166">
<label for="new-language">Language</label><input id="new-language" pattern="[a-z]{2}" maxlength="2" placeholder="de"
 title="Two small letters, as in ISO 639-1">
<label for="new-age">Age</label><input id="new-age" type="number" min="0" max="130" inputmode="numeric">
<div class="row"><button value="make">Create</button>
<button class="quiet" value="cancel" formnovalidate>Cancel</button></div>
</form></dialog>
"""
