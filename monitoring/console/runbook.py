"""The runbook as HTML, with the anchors that alerts link to."""

import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

#: The runbook of this checkout; an installed package has none, and `alerts.runbook_url` says where it is read then.
FILE = Path(__file__).parents[2] / "docs" / "runbook.md"


def runbook(text: str) -> str:
    """HTML of the runbook; headings get the anchors that GitHub gives them. HTML in the text is escaped."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inline.content))
    return str(parser.renderer.render(tokens, parser.options, {}))


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")
