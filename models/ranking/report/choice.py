"""What the ranker's choice would have been worth, from what was drawn at random."""

from html import escape
from typing import Any

from models.ranking.report.measure_text import cells, interval, table
from models.report.section import not_measured, section

_NO_INTERVAL = "too few viewers"


def choice(found: dict[str, Any]) -> str:
    """The section of `evaluation["choice"]`."""
    if found["reason"]:
        body = f"<p>{not_measured(found['reason'])}</p>"
    else:
        rows = [("every video that could be drawn", found["drawn"]), ("this ranker's choice", found["chosen"])]
        if found["rival"]:
            rows.append((f"choice of the {found['rival_title']}", found["rival"]))
            rows.append(("this ranker's minus that", found["difference"]))
        lines = [f"<tr>{cells([escape(name), _estimate(number)])}</tr>" for name, number in rows]
        body = (
            table(["shown would be", "worth of an exposure"], lines)
            + f"<p>{found['num_exposures']:,} exposures were drawn; the choice is {found['share']:.1%} of what could "
            f"be drawn, and rests on as much as {found['effective_exposures']:,.0f} exposures of its own.</p>"
        )
    return section(
        "Before anyone sees it",
        "What viewers did with videos that exploration drew at random, each counted by one over its logged propensity: "
        "an estimate, free of what the ranker of the time preferred, of what slots are worth that show only the "
        "videos which the value model scores highest. Worth is that of the settings' value weights.",
        body,
    )


def _estimate(number: dict[str, Any]) -> str:
    return interval(
        {"estimate": number["value"], "low": number["low"], "high": number["high"], "reason": _NO_INTERVAL}, 4
    )
