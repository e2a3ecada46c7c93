"""The pages: what they are made of, in order, and what is said in place of a part that cannot be read."""

import logging
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from homefeed.errors import HomefeedError
from homefeed.registry import Report
from homefeed.report_page import document
from models.report.section import STYLE as REPORT_STYLE
from monitoring.console.ages import ages
from monitoring.console.desk import Desk
from monitoring.console.drifts import drifts
from monitoring.console.firing import every_alert, firing
from monitoring.console.history import history
from monitoring.console.live import live
from monitoring.console.manual import manual
from monitoring.console.markup import link, nothing, section, table
from monitoring.console.moves import moves
from monitoring.console.rollouts import rollouts
from monitoring.console.traffic import traffic
from monitoring.console.trials import trials

STYLE = REPORT_STYLE + Path(__file__).with_name("console.css").read_text()
#: Anchor -> heading and part, in the order of the page: what somebody who was called reads first comes first.
SECTIONS: Mapping[str, tuple[str, Callable[[Desk], str]]] = {
    "live": ("Live", live),
    "alerts": ("Alerts", firing),
    "rollout": ("Rollout", rollouts),
    "metrics": ("Online metrics", traffic),
    "drift": ("Drift and calibration", drifts),
    "freshness": ("Freshness", ages),
    "experiments": ("Experiments and knobs", trials),
    "moves": ("Recent moves", moves),
}


def overview(desk: Desk, told: str = "", error: str = "") -> str:
    """The page Homefeed.

    Args:
      desk: whose view it is.
      told: what the last order did.
      error: why the last order was not done.
    """
    links = "".join(f'<a href="#{anchor}">{heading}</a>' for anchor, (heading, _) in SECTIONS.items())
    parts = "".join(_part(desk, anchor, heading, part) for anchor, (heading, part) in SECTIONS.items())
    result = f'<p class="told" role="status">{escape(told)}</p>' if told else ""
    result += f'<p class="told failed" role="alert">Not done: {_lines(error)}</p>' if error else ""
    return _page(
        desk,
        "Homefeed",
        f'<nav class="parts" aria-label="Parts of this page">{links}</nav>{result}{parts}',
        f"{desk.root}/",
    )


def alerts_page(desk: Desk) -> str:
    """Every alert."""
    return _page(desk, "Alerts", every_alert(desk))


def release_page(desk: Desk, release_id: str) -> str | None:
    """One release; None when there is none of that id."""
    found = desk.registry.release(release_id)
    return _page(desk, f"Release {found.id}", history(desk, found)) if found else None


def reports_page(desk: Desk) -> str:
    """The newest reports, a link each."""
    found: list[Report] = desk.registry.reports()
    rows = [[escape(r.kind), escape(r.window), escape(r.release), link(desk.report_url(r.path), "open")] for r in found]
    body = table("The newest reports", ("report", "window", "release or training", ""), rows)
    return _page(desk, "Reports", body if rows else nothing("No report yet: they begin with the first training."))


def manual_page(desk: Desk, path: str) -> str | None:
    """One page of the documentation; None when there is none of that name."""
    body = manual(path)
    return document(f"{path} · Homefeed", f'{_places(desk)}<main class="text">{body}</main>', STYLE) if body else None


def _part(desk: Desk, anchor: str, heading: str, part: Callable[[Desk], str]) -> str:
    """A part that fails says so: the others are needed most when something is broken."""
    try:
        body = part(desk)
    except Exception as error:
        logging.getLogger(__name__).exception("the part %s of the page cannot be made", anchor)
        why = str(error) if isinstance(error, HomefeedError) else f"{type(error).__name__}: {error}"
        body = f'<p class="told failed">This part cannot be read: {_lines(why)}</p>'
    return section(anchor, heading, body)


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _page(desk: Desk, title: str, body: str, again: str = "") -> str:
    top = f"<header>{_places(desk)}<h1>{escape(title)}</h1>"
    stamp = f'<p>As of {desk.now:%Y-%m-%d %H:%M:%S} UTC. <a href="{again}">Look again</a></p></header>'
    return document(title if title == "Homefeed" else f"{title} · Homefeed", f"{top}{stamp}<main>{body}</main>", STYLE)


def _places(desk: Desk) -> str:
    places = (("Homefeed", "/"), ("All alerts", "/alerts"), ("Reports", "/reports"), ("Runbook", "/docs/runbook.md"))
    links = "".join(f'<a href="{desk.root}{place}">{name}</a>' for name, place in places)
    return f'<nav class="places" aria-label="Pages">{links}</nav>'
