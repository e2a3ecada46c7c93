"""Reliability of each head: promised against observed, on logarithmic axes as rates span decades."""

import math
from html import escape
from typing import Any

from models.ranking.report.measure_text import judged_calibration
from models.report.section import card, not_measured, section

_LEFT, _TOP, _WIDTH, _HEIGHT = 62.0, 10.0, 360.0, 270.0
_HEADS = {
    "watched": "Watch",
    "watch_s": "Seconds watched",
    "completion": "Share of the video watched",
    "liked": "Like",
    "subscribed": "Subscription",
    "shared": "Share or comment",
    "dismissed": "Dismissal",
}


def reliability(heads: dict[str, dict[str, Any]]) -> str:
    """The diagrams of `evaluation["heads"]`."""
    cards = []
    for target, head in heads.items():
        text = f"<p>Calibration {judged_calibration(head['measures']['calibration'])}</p>"
        cards.append(card(_HEADS[target], _sentence(head), text + diagram(head["reliability"], _HEADS[target])))
    return section(
        "Reliability",
        "Each dot is a group of exposures with alike predictions: what was promised to the right, what was observed "
        "upwards, with its 95 % interval over viewers. On the dashed line a promise is kept; above it the head "
        "promises too little. A group in which nothing happened is a hollow dot at the bottom.",
        f'<div class="cards">{"".join(cards)}</div>',
    )


def _sentence(head: dict[str, Any]) -> str:
    if "num_positives" not in head:
        return "An amount: means of what was promised and of what was."
    auc = head["measures"]["roc_auc"]["estimate"]
    text = f"{head['num_positives']:,} of {head['num_exposures']:,} exposures"
    return text + (f", ROC-AUC {auc:.3f}." if auc is not None else ".")


def diagram(groups: list[dict[str, Any]], name: str) -> str:
    """SVG of the groups of `models.evaluation.reliability`."""
    shown = [group for group in groups if group["predicted"] > 0]
    known = [v for g in shown for v in (g["predicted"], g["observed"], g["high"]) if v]
    if not shown or not any(group["observed"] for group in shown):
        return not_measured("nothing was observed")
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    high = max(high, low + 1)

    def along(value: float) -> float:
        return min(max((math.log10(max(value, 1e-12)) - low) / (high - low), 0.0), 1.0)

    def x(value: float) -> float:
        return _LEFT + along(value) * _WIDTH

    def y(value: float) -> float:
        return _TOP + _HEIGHT - along(value) * _HEIGHT

    ends = 10.0**low, 10.0**high
    marks = [f'<line class="even" x1="{x(ends[0])}" y1="{y(ends[0])}" x2="{x(ends[1])}" y2="{y(ends[1])}"/>']
    for power in range(low, high + 1):
        at, label = 10.0**power, f"{10.0**power:.{max(-power, 0)}f}"
        marks += [
            f'<line class="grid" x1="{x(at):.1f}" y1="{_TOP}" x2="{x(at):.1f}" y2="{_TOP + _HEIGHT}"/>',
            f'<line class="grid" x1="{_LEFT}" y1="{y(at):.1f}" x2="{_LEFT + _WIDTH}" y2="{y(at):.1f}"/>',
            f'<text x="{x(at):.1f}" y="{_TOP + _HEIGHT + 16}" text-anchor="middle">{label}</text>',
            f'<text x="{_LEFT - 8}" y="{y(at) + 4:.1f}" text-anchor="end">{label}</text>',
        ]
    for group in shown:
        cx = f"{x(group['predicted']):.1f}"
        if group["low"] is not None:
            marks.append(
                f'<line class="whisker" x1="{cx}" y1="{y(group["low"]):.1f}" x2="{cx}" y2="{y(group["high"]):.1f}"/>'
            )
        style = "own" if group["observed"] else "hollow"
        marks.append(
            f'<circle class="dot {style}" cx="{cx}" cy="{y(group["observed"]):.1f}" r="4"><title>promised '
            f"{group['predicted']:.4g}, observed {group['observed']:.4g}, {group['num_exposures']:,} exposures</title>"
            "</circle>"
        )
    marks.append(
        f'<text x="{_LEFT + _WIDTH / 2}" y="{_TOP + _HEIGHT + 34}" text-anchor="middle">promised</text>'
        f'<text x="12" y="{_TOP + _HEIGHT / 2}" text-anchor="middle" '
        f'transform="rotate(-90 12 {_TOP + _HEIGHT / 2})">observed</text>'
    )
    size = f"0 0 {_LEFT + _WIDTH + 20:g} {_TOP + _HEIGHT + 40:g}"
    return f'<svg viewBox="{size}" role="img" aria-label="{escape(name)}: reliability">{"".join(marks)}</svg>'
