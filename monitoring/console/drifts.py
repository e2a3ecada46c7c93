"""Drift, calibration and quality of the live release: the newest report, and how they went in the last day."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from homefeed import windows
from homefeed.registry import Report
from homefeed.report_page import number, tiles
from models.report.charts import Line, line_chart
from monitoring import live_calibration, report
from monitoring.console.desk import Desk
from monitoring.console.markup import badge, lasting, link, more, nothing, table

_DAY = timedelta(days=1)
#: Reports of one day: one for each window.
_MOST = 144
#: Summary of the report -> the chart of its last day.
_CHARTS = {"calibration": "Predicted over observed watches (1 is right)", "drifted_share": "Share of drifted features"}


def drifts(desk: Desk) -> str:
    """Figures of the newest report, its largest distances, and two charts of the day."""
    found = desk.registry.reports(report.KIND, limit=_MOST)
    if not found:
        return nothing("No report yet: `monitor_release` writes one with each window once a release is live.")
    newest = found[0]
    age = lasting(windows.end(newest.window), desk.now)
    summary = newest.summary
    figures = [
        (number(summary.get("calibration"), 3), "predicted over observed"),
        (number(summary.get("ne"), 4), "normalised entropy, below 1 is good"),
        (number(summary.get("roc_auc"), 4), "ROC-AUC"),
        (_percent(summary.get("drifted_share")), "of the features drifted"),
        (number(summary.get("prediction_drift"), 3), "drift of the predictions [sd]"),
        (number(summary.get("exposures"), 0), "exposures"),
    ]
    day = [row for row in reversed(found) if desk.now - windows.end(row.window) <= _DAY]
    charts = "".join(_chart(desk.now, day, name, title) for name, title in _CHARTS.items())
    return (
        f"<p>Window {escape(newest.window)}, ended {age} ago, of "
        f"{link(desk.release_url(newest.release), newest.release)}: "
        f"{link(desk.report_url(newest.path), 'open the report')}{_refit(desk)}</p>{tiles(figures)}"
        f'<div class="charts">{charts}</div>{_distances(desk, newest)}'
    )


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.0%}"


def _refit(desk: Desk) -> str:
    """When the calibrators were last looked at, which were fitted again, and how many videos are corrected."""
    newest = next(iter(desk.registry.reports(live_calibration.KIND, limit=1)), None)
    if newest is None:
        return ""
    heads: Mapping[str, Mapping[str, Any]] = newest.summary.get("heads", {})
    again = [head for head, told in heads.items() if told.get("is_refitted")]
    words = f"fitted again: {', '.join(again)}" if again else "every calibrator stayed"
    corrected = (newest.summary.get("corrections") or {}).get("videos")
    if corrected is not None:
        words += f"; {corrected:,} videos corrected"
    return f". Calibrators, window {escape(newest.window)}: {link(desk.report_url(newest.path), words)}"


def _chart(now: datetime, day: Sequence[Report], name: str, title: str) -> str:
    points = [
        ((windows.end(row.window) - now).total_seconds() / 3600, float(row.summary[name]))
        for row in day
        if row.summary.get(name) is not None
    ]
    if not points:
        return ""
    # One line a release would have hundreds of colours; where it changed is in the list of moves.
    lines = [Line("live release", points, is_dotted=len(points) < 30)]
    chart = line_chart(lines, x_name="hours from now", ticks=[-24.0, -18.0, -12.0, -6.0, 0.0], from_zero=False)
    return f'<figure class="card"><figcaption>{escape(title)}</figcaption>{chart}</figure>'


def _distances(desk: Desk, newest: Report) -> str:
    """The columns that are furthest from the reference, from the report's own numbers."""
    file = Path(newest.path).with_name("report.json")
    drift = json.loads(file.read_text())["drift"] if file.is_file() else None
    if drift is None:
        return nothing("Its columns were not compared: too few exposures, or the report was deleted.")
    ordered = sorted(drift["columns"], key=lambda c: -c["distance"] / max(c["bound"], 1e-9))
    rows = [
        [
            escape(c["name"]),
            escape(c["kind"]),
            f"{c['distance']:.3f}",
            f"{c['bound']:.3f}",
            badge("drifted" if c["is_drifted"] else "like it"),
        ]
        for c in ordered
    ]
    evidently = link(desk.report_url(str(file.with_name(drift["html"]))), "Evidently report")
    caption = f"Distance from the reference ({drift['basis']}); drifted above its bound"
    return more(
        "Columns, the furthest first",
        f"<p>{evidently}</p>" + table(caption, ("column", "kind", "distance", "bound", ""), rows),
    )
