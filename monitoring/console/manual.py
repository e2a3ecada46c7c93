"""The documentation of this checkout as HTML, with the anchors that alerts link to: first of all the runbook."""

import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

#: An installed package has none; `alerts.runbook_url` says where the runbook is read then.
FOLDER = Path(__file__).parents[2] / "docs"


def manual(path: str) -> str | None:
    """HTML of one file of the documentation, such as `runbook.md`; None when there is none of that name.

    Links of a file to another one work as they are: both have the place in the address that they have in the folder.
    """
    file = (FOLDER / path).resolve()
    if not file.is_relative_to(FOLDER) or file.suffix != ".md" or not file.is_file():
        return None
    return rendered(file.read_text())


def rendered(text: str) -> str:
    """HTML of Markdown; headings get the anchors that GitHub gives them. HTML in the text is escaped."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inline.content))
    return str(parser.renderer.render(tokens, parser.options, {}))


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")
