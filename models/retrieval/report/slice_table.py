"""Recall by slice, as a table with bars."""

from html import escape
from itertools import groupby
from typing import Any

from models.report.section import not_measured, section

#: With fewer viewers than this a slice is shown and not judged.
FEW_VIEWERS = 30


def slice_table(parts: list[dict[str, Any]]) -> str:
    """The slices of `metrics["slices"]`, by group."""
    # The interval of a few viewers may reach 1 and would press the others together; its line ends with the track.
    judged = [part for part in parts if part["num_viewers"] >= FEW_VIEWERS]
    bounds = [part["high"] for part in judged] + [part[name] for part in parts for name in ("recall", "popularity")]
    largest = max([bound for bound in bounds if bound is not None], default=0.0) or 1.0
    rows = []
    for group, members in groupby(parts, key=lambda part: str(part["group"])):
        if group != "all":
            rows.append(f'<tr class="group"><th colspan="6">{escape(group)}</th></tr>')
        rows += [_row(part, largest) for part in members]
    scale = f'<div class="scale"><span>0</span><span>{largest:.3f}</span></div>'
    names = ("slice", "watches", "viewers", scale, "recall@100", "popularity")
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
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
