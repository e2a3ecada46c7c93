"""The parts that a report is made of: sections, cards, and what is said in place of a number."""

from html import escape
from pathlib import Path

STYLE = (Path(__file__).parent / "report.css").read_text()


def section(heading: str, sentence: str, body: str) -> str:
    """A heading, one sentence that says what is seen below it (plain text), and HTML."""
    return f"<h2>{escape(heading)}</h2><p>{escape(sentence)}</p>{body}"


def card(heading: str, sentence: str, body: str) -> str:
    """One chart with its heading and sentence (plain text)."""
    return f'<div class="card"><h3>{escape(heading)}</h3><p>{escape(sentence)}</p>{body}</div>'


def not_measured(reason: str) -> str:
    """What stands in place of a number or chart."""
    return f'<span class="none">not measured: {escape(reason)}</span>'
