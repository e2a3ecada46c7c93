"""What HTML reports look like: one page that needs nothing from the network, in light and dark."""

from html import escape
from pathlib import Path

_STYLE = (Path(__file__).parent / "report_page.css").read_text()


def document(title: str, body: str, style: str = "") -> str:
    """The whole page.

    Args:
      title: plain text.
      body: HTML.
      style: CSS beside that of every report.
    """
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style><body>{body}</body></html>"
    )


def tiles(figures: list[tuple[str, str]]) -> str:
    """Large figures side by side: value and what it is, plain text."""
    cells = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in figures
    )
    return f'<div class="tiles">{cells}</div>'


def number(value: float | None, digits: int, missing: str = "n/a") -> str:
    """The number with `digits` decimals and thousands apart, or `missing`."""
    return missing if value is None else f"{value:,.{digits}f}"
