"""The parts that the page is made of: sections, tables, badges, times. Every text that is not named HTML is escaped."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from homefeed.verdict import Verdict
from monitoring.alerts.message import quantity

#: Verdict, severity or state -> class of its badge. The word itself is always shown: colour is never the only sign.
_LOOKS = {
    Verdict.PASS.value: "good",
    Verdict.FAIL.value: "bad",
    "page": "bad",
    "firing": "bad",
    "rolled_back": "bad",
    "live": "good",
}


def section(anchor: str, heading: str, body: str) -> str:
    """A part of the page that can be jumped to; `body` is HTML."""
    return f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escape(heading)}</h2>{body}</section>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a caption and headings; cells are HTML, and each row's first one names the row."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    label = escape(caption)
    return (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0"><table><caption>{label}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def badge(word: str) -> str:
    """A word that stands out."""
    return f'<span class="badge {_LOOKS.get(word, "plain")}">{escape(word.replace("_", " "))}</span>'


def moment(time: datetime, now: datetime) -> str:
    """How long ago, with the time itself."""
    exact = time.strftime("%Y-%m-%d %H:%M UTC")
    return f'<time datetime="{time.isoformat()}" title="{exact}">{escape(lasting(time, now))} ago</time>'


def lasting(begin: datetime, end: datetime) -> str:
    """The time between two moments for people; one that lies ahead counts as none."""
    return quantity(max((end - begin).total_seconds(), 0.0), "s")


def counted(num: int, what: str) -> str:
    """How many there are, such as `1 check` and `2 checks`."""
    return f"{num:,} {what}{'' if num == 1 else 's'}"


def link(url: str | None, text: str) -> str:
    """A link, or the text alone where there is nothing to open."""
    return f'<a href="{escape(url)}">{escape(text)}</a>' if url else escape(text)


def nothing(sentence: str) -> str:
    """What stands in place of a table or a chart that has nothing to show yet."""
    return f'<p class="none">{escape(sentence)}</p>'


def more(summary: str, body: str) -> str:
    """Something that is folded away; `body` is HTML."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"
