"""`homefeed plan`: machines, memory, disk, network and money that a site needs, from its numbers and measured ones"""

from pathlib import Path
from typing import Annotated

import typer

from homefeed.cli.output import AsJson, OutFile, emit

Number = float | None


def plan(
    users: Annotated[Number, typer.Option(help="Viewers with a row in the online store.")] = None,
    videos: Annotated[Number, typer.Option(help="Videos that can be served.")] = None,
    positives: Annotated[Number, typer.Option(help="Exposures a month that are watched.")] = None,
    negatives: Annotated[Number, typer.Option(help="Exposures a month that are not.")] = None,
    capacity: Annotated[Number, typer.Option(help="Pages a second that serving must be able to make.")] = None,
    candidates: Annotated[Number, typer.Option(help="Candidates ranked for a page.")] = None,
    hot_days: Annotated[Number, typer.Option(help="Days that exposures stay in the lake.")] = None,
    goal_ms: Annotated[Number, typer.Option(help="99th percentile that a page keeps to [ms].")] = None,
    bench: Annotated[
        list[Path] | None, typer.Option(help="JSON of `homefeed bench NAME --json`; its figures replace the defaults.")
    ] = None,
    assume: Annotated[list[str] | None, typer.Option(help="NAME=VALUE over an assumption; may be repeated.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page with charts to this file.")] = None,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """How many machines, how much memory, disk, network and money a site needs, on average and for its capacity.

    Without options: the site of the design. Every assumption is listed by --json and on the page.

    Example: homefeed plan --users 5e6 --videos 2e6 --positives 6e7 --negatives 3e9 --capacity 200 --html plan.html
    """
    from homefeed.cli.plan import page
    from homefeed.cli.plan.outcome import outcome
    from homefeed.cli.plan.site import PlanError, site_of
    from homefeed.settings import load

    site = site_of(
        users=users,
        videos=videos,
        positives_per_month=positives,
        negatives_per_month=negatives,
        capacity_pages_per_s=capacity,
        candidates=candidates,
        hot_days=hot_days,
        goal_ms=goal_ms,
    )
    changed = {}
    for pair in assume or []:
        name, _, value = pair.partition("=")
        try:
            changed[name] = float(value)
        except ValueError as error:
            raise PlanError(f"--assume {pair}: say NAME=VALUE with a number, such as spare=2") from error
    made = outcome(site, bench or [], changed, load().seed)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(page.html(made))
    emit(made.as_json(), as_json, page.table(made), out)
