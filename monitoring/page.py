"""The report as one HTML page that needs nothing from the network."""

import math
from html import escape
from typing import Any

from homefeed.report_page import document, number, tiles

#: What each column of the quality table is called, and how many digits it has.
_COLUMNS = {
    "num_exposures": ("exposures", 0),
    "num_positives": ("watched", 0),
    "num_viewers": ("viewers", 0),
    "calibration": ("calibration", 3),
    "ne": ("NE", 4),
    "roc_auc": ("ROC-AUC", 4),
    "pr_auc": ("PR-AUC", 4),
}


def page(content: dict[str, Any]) -> str:
    """The page of one report; `content` is what `report.json` holds."""
    first, last = content["windows"]
    parts = [
        f"<h1>Release {escape(content['release'])}</h1>",
        f"<p>Exposures of windows {escape(first)} to {escape(last)} · live since {escape(content['live_since'])}</p>",
    ]
    if not content["exposures"]:
        parts.append(
            "<h2>No exposures</h2><p>Nothing was on screen in these windows, or they are not published yet.</p>"
        )
    else:
        parts += [_tiles(content), _quality(content["quality"]), _reliability(content["reliability"])]
        parts += [_drift(content["drift"], content["drift_not_measured"]), _skew(content["skew"])]
    return document(f"{content['release']} · {content['window']}", "".join(parts))


def _tiles(content: dict[str, Any]) -> str:
    overall, drift = content["quality"][0], content["drift"]
    interval = f"{number(overall['low'], 3)} to {number(overall['high'], 3)}"
    figures = [
        (number(content["exposures"], 0), "exposures"),
        (number(content["viewers"], 0), "viewers"),
        (number(overall["calibration"], 3), f"predicted over observed ({interval})"),
        (number(overall["ne"], 4), "normalised entropy, below 1 is good"),
        (number(overall["roc_auc"], 4), "ROC-AUC"),
        (f"{drift['drifted_share']:.0%}" if drift else "n/a", "of the features drifted"),
    ]
    return tiles(figures)


def _quality(parts: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{name}</th>" for name, _ in _COLUMNS.values())
    rows = []
    for part in parts:
        cells = "".join(f"<td>{_cell(part, name, digits)}</td>" for name, (_, digits) in _COLUMNS.items())
        rows.append(f"<tr><td>{escape(part['name'])}</td>{cells}</tr>")
    return (
        "<h2>Quality of the watched head</h2><p>A calibration whose interval leaves out 1 is red. NE compares with "
        "knowing only the slice's rate.</p>"
        f'<div class="wide"><table><tr><th>slice</th>{head}</tr>{"".join(rows)}</table></div>'
    )


def _cell(part: dict[str, Any], name: str, digits: int) -> str:
    text = number(part[name], digits)
    if name != "calibration" or part["low"] is None or part["high"] is None:
        return text
    is_off = not part["low"] <= 1 <= part["high"]
    interval = f"{part['low']:.2f} to {part['high']:.2f}"
    return f'<span class="{"bad" if is_off else "good"}" title="{interval}">{text}</span> <small>({interval})</small>'


def _reliability(bins: list[dict[str, Any]]) -> str:
    """Predicted against observed on logarithmic axes: rates span decades. Whiskers are the intervals over viewers."""
    shown = [dict(b) for b in bins if b["predicted"] > 0 and b["observed"] > 0]
    if not shown:
        return "<h2>Reliability</h2><p>No group of exposures has a watch yet.</p>"
    # One viewer alone has no interval: its dot has no whiskers.
    for b in shown:
        b["low"], b["high"] = (b["observed"] if b[end] is None else b[end] for end in ("low", "high"))
    ends = [v for b in shown for v in (b["predicted"], b["observed"], b["high"], max(b["low"], b["observed"] / 10))]
    low, high = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends)))
    size, left, top = 400.0, 56.0, 12.0

    def x(value: float) -> float:
        return left + (math.log10(value) - low) / (high - low) * size

    def y(value: float) -> float:
        return top + size - (math.log10(max(value, 10.0**low)) - low) / (high - low) * size

    marks = [
        f'<line x1="{x(10.0**low)}" y1="{y(10.0**low)}" x2="{x(10.0**high)}" y2="{y(10.0**high)}" '
        'stroke="var(--soft)" stroke-dasharray="4 4"/>'
    ]
    for power in range(low, high + 1):
        value, label = 10.0**power, f"{10.0**power:.{max(-power, 0)}f}"
        marks += [
            f'<line x1="{x(value)}" y1="{top}" x2="{x(value)}" y2="{top + size}" stroke="var(--line)"/>',
            f'<line x1="{left}" y1="{y(value)}" x2="{left + size}" y2="{y(value)}" stroke="var(--line)"/>',
            f'<text x="{x(value)}" y="{top + size + 16}" text-anchor="middle">{label}</text>',
            f'<text x="{left - 6}" y="{y(value) + 4}" text-anchor="end">{label}</text>',
        ]
    for b in shown:
        cx = x(b["predicted"])
        marks += [
            f'<line x1="{cx}" y1="{y(b["low"])}" x2="{cx}" y2="{y(b["high"])}" stroke="var(--mark)" stroke-width="2"/>',
            f'<circle cx="{cx}" cy="{y(b["observed"])}" r="4" fill="var(--mark)">'
            f"<title>predicted {b['predicted']:.4f}, "
            f"observed {b['observed']:.4f}, {b['num_exposures']} exposures</title></circle>",
        ]
    return (
        "<h2>Reliability</h2><p>Each dot is a group of exposures with alike predictions: predicted watched share "
        "to the right, observed upwards. On the dashed line a promise is kept.</p>"
        f'<svg viewBox="0 0 {left + size + 20} {top + size + 28}" role="img" aria-label="reliability curve">'
        f"{''.join(marks)}</svg>"
    )


def _skew(skew: dict[str, Any]) -> str:
    if not skew["vectors"]:
        return "<h2>Skew</h2><p>No feature vector that the service ranked by was logged in the newest window.</p>"
    named = ", ".join(f"{escape(name)} ({num:,})" for name, num in skew["columns"].items())
    return (
        f"<h2>Skew</h2><p>{skew['differ']:,} of {skew['vectors']:,} feature vectors that the service ranked by in the "
        f"newest window are not those that training would read{': ' + named if named else ''}.</p>"
    )


_BASES = {
    "weeks": "the same time of earlier weeks",
    "days": "the same time of the days before that are of its kind, as there is no week of history yet",
    "training": "those that calibrated the ranker, as there is no history of this time of the day yet",
}


def _drift(drift: dict[str, Any] | None, reason: str) -> str:
    if drift is None:
        return f"<h2>Drift</h2><p>Not measured: {escape(reason)}.</p>"
    shares = {c["name"]: c["distance"] / max(c["bound"], 1e-9) for c in drift["columns"]}
    widest = max(*shares.values(), 1.0)
    rows = []
    for c in sorted(drift["columns"], key=lambda c: (-c["is_drifted"], -shares[c["name"]])):
        mark = ' class="bad"' if c["is_drifted"] else ""
        bar = f'<span class="bar" style="width:{shares[c["name"]] / widest * 240:.0f}px"></span>'
        words = "; ".join(filter(None, (c["detail"], c["is_explained"] and "as it was when the release was made")))
        rows.append(
            f"<tr><td{mark}>{escape(c['name'])}</td><td>{c['kind']}</td><td>{escape(c['method'])}</td>"
            f"<td>{c['distance']:.3f}</td><td>{c['bound']:.3f}</td>"
            f'<td style="text-align:left">{bar} {escape(words)}</td></tr>'
        )
    missing = "".join(f"<li>{escape(line)}</li>" for line in drift["missing"])
    first, last = drift["windows"] or ("?", "?")
    heads = "".join(f"<th>{name}</th>" for name in ("column", "kind", "method", "distance", "bound", ""))
    return (
        f"<h2>Drift</h2><p>{drift['num_current']:,} exposures of windows {escape(first)} to {escape(last)} against "
        f"{drift['num_reference']:,} of {_BASES[drift['basis']]}. Red is beyond its bound: the threshold of its kind, "
        "or what chance makes of so few viewers where that is more. "
        f'<a href="{escape(drift["html"])}">Open the Evidently report</a>.</p>'
        + (f"<p>Not compared:</p><ul>{missing}</ul>" if missing else "")
        + f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'
    )
