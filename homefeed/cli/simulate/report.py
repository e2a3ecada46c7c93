"""What `homefeed simulate policy` writes: the headline, the table, and a page with the chart that needs no network."""

import base64
from collections.abc import Callable
from html import escape
from typing import Any

from homefeed.cli.simulate.chart import png
from homefeed.cli.simulate.comparison import Between, Compared
from homefeed.report_page import document, tiles

#: Heading -> text of a policy's cell.
COLUMNS: dict[str, Callable[[Compared], str]] = {
    "policy": lambda c: c.policy,
    "watch time, s per viewer and day": lambda c: _figure(c.watch_s, ".1f"),
    "to value alone": lambda c: _change(c.watch_ratio),
    "the same, as expected": lambda c: _change(c.expected_watch_ratio),
    "topics discovered, per viewer and day": lambda c: _figure(c.discovered, ".3f"),
    "topics, to it": lambda c: _change(c.discovered_ratio),
    "topics, to it, as expected": lambda c: _change(c.expected_discovered_ratio),
    "as expected, of those who had watched before": lambda c: _change(c.expected_beyond_ratio),
    "uploads with 100 impressions in a day": lambda c: _figure(c.reached, ".1%"),
    "uploads, to it": lambda c: _times(c.reached_ratio),
    "median time, h": lambda c: "none" if c.reached_h is None else f"{c.reached_h:.1f}",
    "Gini over channels": lambda c: f"{c.gini:.3f}",
    "dismissals, per viewer and day": lambda c: _figure(c.dismissed, ".3f"),
}


def headline(compared: list[Compared], chosen: float) -> str:
    """One sentence about the value of the knob that a site starts with."""
    own = next((c for c in compared if c.exploration == chosen), compared[0])
    return (
        f"Exploring {chosen:.0%} of the slots: {_times(own.reached_ratio, short=True)} as many uploads get seen, "
        f"{_change(own.expected_discovered_ratio, short=True)} topics discovered, "
        f"{_change(own.expected_watch_ratio, short=True)} watch time"
    )


def picture(compared: list[Compared], chosen: float, note: str) -> bytes:
    """The chart as PNG."""
    return png(compared, chosen, headline(compared, chosen), note)


def html(compared: list[Compared], chosen: float, note: str) -> str:
    """The page: headline, chart, table."""
    own = next((c for c in compared if c.exploration == chosen), compared[0])
    chart = base64.b64encode(picture(compared, chosen, note)).decode()
    heads = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell(c))}</td>' for cell in COLUMNS.values())}</tr>" for c in compared)
    figures = [
        (_times(own.reached_ratio), "uploads with 100 impressions in a day"),
        (_change(own.expected_discovered_ratio), "topics discovered, as expected"),
        (_change(own.expected_watch_ratio), "watch time, as expected"),
        (_change(own.dismissed_ratio), "dismissals"),
    ]
    body = (
        '<div class="eyebrow">Homefeed · simulated policies</div>'
        f"<h1>{escape(headline(compared, chosen))}</h1>"
        '<p class="lead">Against the ranker\'s value alone, with nothing explored and nothing spread over channels and '
        "topics, on the same viewers; in brackets the 95 % interval. "
        f"{escape(note)}</p>"
        f"{tiles(figures)}"
        f'<img alt="{escape(headline(compared, chosen))}" src="data:image/png;base64,{chart}">'
        f"<div class='wide'><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        "<p><em>As expected</em>: what the site's own probabilities say of the pages that were shown, without the luck "
        "of who then watched what. A topic counts as discovered when a viewer who had not watched it before watches "
        "it again, or a video of it to the end. To those who had watched nothing before every topic is new, whatever "
        "the policy. The Gini coefficient is 0 when all channels have as many impressions, and near 1 when one has "
        "them all.</p>"
    )
    style = "img{max-width:100%;height:auto;background:#fff;border-radius:8px}.wide{overflow-x:auto}"
    return document("Homefeed: what exploration costs and brings", body, style)


def table(compared: list[Compared], chosen: float) -> Any:
    """The table on a terminal."""
    from rich.markup import escape as rich_escape
    from rich.table import Table

    shown = Table(*COLUMNS, title=headline(compared, chosen))
    for c in compared:
        shown.add_row(*(rich_escape(cell(c)) for cell in COLUMNS.values()))
    return shown


def _figure(value: Between, form: str) -> str:
    if value.estimate is None or value.low is None or value.high is None:
        return "unknown"
    return f"{value.estimate:{form}} [{value.low:{form}}, {value.high:{form}}]"


def _change(ratio: Between, short: bool = False) -> str:
    if ratio.estimate is None or ratio.low is None or ratio.high is None:
        return "unknown"
    said = f"{ratio.estimate - 1:+.1%}"
    return said if short else f"{said} [{ratio.low - 1:+.1%}, {ratio.high - 1:+.1%}]"


def _times(ratio: Between, short: bool = False) -> str:
    if ratio.estimate is None or ratio.low is None or ratio.high is None:
        return "unknown times"
    said = f"{ratio.estimate:.1f} times"
    return said if short else f"{said} [{ratio.low:.1f}, {ratio.high:.1f}]"
