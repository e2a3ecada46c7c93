"""Recall by slice, as a table with bars."""

from html import escape
from itertools import groupby
from typing import Any

from models.retrieval.report.section import not_measured, section

#: With fewer viewers than this a slice is shown and not judged.
FEW_VIEWERS = 30


def slice_table(parts: list[dict[str, Any]]) -> str:
    """The slices of `metrics["slices"]`, by group."""
    shown = [p[name] for p in parts for name in ("recall", "high", "popularity") if p[name] is not None]
    largest = max([*shown, 1e-9])
    rows = []
    for group, members in groupby(parts, key=lambda part: str(part["group"])):
        if group != "all":
            rows.append(f'<tr class="group"><th colspan="6">{escape(group)}</th></tr>')
        rows += [_row(part, largest) for part in members]
    head = "<tr><th>slice</th><th>watches</th><th>viewers</th><th></th><th>recall@100</th><th>popularity</th></tr>"
    return section(
        "Recall by slice",
        "The same list of 100, asked about some of the held-out watches. Bar: the towers; thin line: its 95 % "
        "interval; upright mark: popularity. Green: the whole interval is better than popularity; red: worse. Slices "
        f"with fewer than {FEW_VIEWERS} viewers are grey, as they say little.",
        f'<div class="wide"><table class="slices">{head}{"".join(rows)}</table></div>',
    )


def _row(part: dict[str, Any], largest: float) -> str:
    name = f"<td>{escape(part['name'])}</td><td>{part['num_watches']:,}</td><td>{part['num_viewers']:,}</td>"
    if part["recall"] is None:
        return f'<tr class="few">{name}<td colspan="3" class="reason">{not_measured("no watches")}</td></tr>'
    few = ' class="few"' if part["num_viewers"] < FEW_VIEWERS else ""
    return (
        f"<tr{few}>{name}<td>{_bar(part, largest)}</td><td>{_recall(part)}</td><td>{part['popularity']:.3f}</td></tr>"
    )


def _recall(part: dict[str, Any]) -> str:
    if part["low"] is None:
        return f"{part['recall']:.3f} <small>interval {not_measured('one viewer')}</small>"
    is_judged = part["num_viewers"] >= FEW_VIEWERS
    better, worse = part["low"] > part["popularity"], part["high"] < part["popularity"]
    style = "good" if better and is_judged else "bad" if worse and is_judged else ""
    interval = f"{part['low']:.3f} to {part['high']:.3f}"
    return f'<span class="{style}">{part["recall"]:.3f}</span> <small>({interval})</small>'


def _bar(part: dict[str, Any], largest: float) -> str:
    def place(value: float) -> str:
        return f"{value / largest:.2%}"

    whisker = ""
    if part["low"] is not None:
        whisker = f'<i style="left:{place(part["low"])};width:{place(part["high"] - part["low"])}"></i>'
    return (
        f'<div class="track"><b style="width:{place(part["recall"])}"></b>{whisker}'
        f'<u style="left:{place(part["popularity"])}"></u></div>'
    )
