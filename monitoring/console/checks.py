"""The gates of one look: every check with value, bound, interval, verdict, sample size and evidence."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from monitoring.console.desk import Desk
from monitoring.console.markup import badge, link, nothing, table

_HEAD = ("check", "verdict", "value", "bound", "interval", "samples", "what it says", "evidence")
#: What has to be read first comes first.
_ORDER = {"fail": 0, "wait": 1, "pass": 2}


def checks_table(desk: Desk, caption: str, checks: Sequence[Mapping[str, Any]]) -> str:
    """The checks of a look as the registry keeps them; those that fail come first, then those that wait."""
    if not checks:
        return nothing("No check is kept with this look.")
    ordered = sorted(checks, key=lambda check: _ORDER.get(check["verdict"], 1))
    return table(caption, _HEAD, [_row(desk, check) for check in ordered])


def _row(desk: Desk, check: Mapping[str, Any]) -> list[str]:
    interval, evidence = check.get("interval"), str(check.get("evidence") or "")
    url = desk.report_url(evidence)
    return [
        escape(check["name"]),
        badge(check["verdict"]),
        _figure(check.get("value")),
        _figure(check.get("bound")),
        f"{_figure(interval[0])} to {_figure(interval[1])}" if interval else "-",
        f"{check.get('num_samples') or 0:,}",
        escape(check.get("detail") or ""),
        link(url, "report" if url else evidence),
    ]


def _figure(value: float | None) -> str:
    """Four digits that count: checks hold shares, ratios and seconds alike."""
    return "-" if value is None else f"{value:,.4g}"
