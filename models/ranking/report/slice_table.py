"""Calibration and quality by slice, as a table with bars."""

import math
from html import escape
from itertools import groupby
from typing import Any

from models.ranking.report.measure_text import cells, interval, judged_calibration
from models.report.section import not_measured, section

#: With fewer viewers than this a slice is shown and not judged.
FEW_VIEWERS = 30
#: Calibrations beyond twice too much or too little end with the track.
_WIDEST = 2.0
_SIZES = ("slice", "exposures", "watched", "viewers")
_HEAD = (*_SIZES, "½ · 1 · 2", "calibration", "NE", "ROC-AUC", "AUC in viewers", "PR-AUC")


def slice_table(overall: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    """The slices of `evaluation["slices"]`, by group, after `evaluation["watched"]`."""
    rows = [_row({**overall, "name": "all exposures"})]
    for group, members in groupby(parts, key=lambda part: str(part["group"])):
        rows.append(f'<tr class="group"><th colspan="{len(_HEAD)}">{escape(group)}</th></tr>')
        rows += [_row(part) for part in members]
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    return section(
        "Calibration by slice",
        "What the watched head promised over what was observed: the mark, with its 95 % interval over viewers as a "
        "line, on a scale from half to twice; the upright line is 1. Red: the interval leaves out 1. NE compares with "
        f"knowing only the slice's rate. Slices with fewer than {FEW_VIEWERS} viewers are grey, as they say little; "
        "with this many slices one in twenty is red by chance.",
        f'<div class="wide"><table class="slices calibration"><tr>{head}</tr>{"".join(rows)}</table></div>',
    )


def _row(part: dict[str, Any]) -> str:
    measures, is_judged = part["measures"], part["num_viewers"] >= FEW_VIEWERS
    style = "" if is_judged else ' class="few"'
    sizes = [f"{part[name]:,}" for name in ("num_exposures", "num_positives", "num_viewers")]
    first = f"<tr{style}>{cells([escape(part['name']), *sizes])}"
    found = measures["calibration"]
    if found["estimate"] is None:
        rest = len(_HEAD) - len(_SIZES)
        return f'{first}<td colspan="{rest}" class="reason">{not_measured(found["reason"])}</td></tr>'
    others = [interval(measures["ne"]), *(interval(measures[n]) for n in ("roc_auc", "grouped_auc", "pr_auc"))]
    return f"{first}{cells([_bar(found), judged_calibration(found, is_judged), *others])}</tr>"


def _bar(found: dict[str, Any]) -> str:
    whisker = ""
    if found["low"] is not None:
        low, high = _place(found["low"]), _place(found["high"])
        whisker = f'<i style="left:{low:.1%};width:{high - low:.1%}"></i>'
    return f'<div class="track"><s></s>{whisker}<u style="left:{_place(found["estimate"]):.1%}"></u></div>'


def _place(ratio: float) -> float:
    """Share of the track's length: half at 0, 1 in the middle, twice at 1."""
    edge = math.log(_WIDEST)
    return (min(max(math.log(max(ratio, 1e-9)), -edge), edge) + edge) / (2 * edge)
