"""Drift that lasts: columns that drifted in several reports in a row. One report alone may be chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homefeed import windows
from homefeed.registry import Report


@dataclass(frozen=True)
class Lasting:
    """Columns of one kind that drifted in each of the newest reports.

    Attributes:
      kind: of `monitoring.drift.columns.METHODS`.
      columns: name -> `distance`, `bound` and `detail` of the newest report, the furthest first.
      since: the first window of them all.
    """

    kind: str
    columns: Mapping[str, Mapping[str, Any]]
    since: str


def lasting(reports: Sequence[Report], num: int, most_apart: int) -> list[Lasting] | None:
    """What drifted in each of the newest `num` reports, by kind.

    Args:
      reports: of monitoring, the newest first, of whatever release.
      num: reports in a row; one in which drift was not measured does not count, and says nothing.
      most_apart: windows between two of them at most: what drifted yesterday and now is not in a row.

    Returns:
      None when the newest report has not measured drift: no data is no evidence.
    """
    if not reports or reports[0].summary.get("drifted") is None:
        return None
    row: list[Report] = []
    for report in reports:
        if report.summary.get("drifted") is None:
            continue
        if row and windows.start(report.window) < windows.start(windows.shift(row[-1].window, -most_apart)):
            break
        row.append(report)
    if len(row) < num:
        return []
    newest = row[0].summary["drifted"]
    stayed = [name for name in newest if all(name in report.summary["drifted"] for report in row[:num])]
    kinds = dict.fromkeys(newest[name]["kind"] for name in stayed)
    return [_of_kind(kind, {n: newest[n] for n in stayed if newest[n]["kind"] == kind}, row) for kind in kinds]


def _of_kind(kind: str, columns: dict[str, Any], row: Sequence[Report]) -> Lasting:
    """With the first window since which one of the columns has drifted without a break."""
    since = row[0].window
    for report in row:
        if not any(name in report.summary["drifted"] for name in columns):
            break
        since = report.window
    return Lasting(kind, columns, since)


def words(found: Lasting, most: int = 5) -> str:
    """The columns for people: the furthest ones, with distance and bound."""
    named = [
        f"{name} {told['distance']:.2f} (bound {told['bound']:.2f}{': ' + told['detail'] if told['detail'] else ''})"
        for name, told in list(found.columns.items())[:most]
    ]
    more = len(found.columns) - most
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
