"""The report of one window: drift, calibration and quality of the live release on the newest exposures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homefeed import windows
from homefeed.errors import HomefeedError
from homefeed.registry import Registry, Release, open_registry
from homefeed.settings import Settings
from models.evaluation.reliability import reliability
from monitoring.drift import Drift, NotMeasured, measure_drift
from monitoring.evidence import Bundle, Rows, load, parity, predict, read_rows
from monitoring.live import live_release
from monitoring.page import page
from monitoring.quality import slices

KIND = "monitor"
#: Drifted columns that the registry keeps; the report has every one.
_MOST = 100


class MonitoringError(HomefeedError):
    """There is no release to report on; the message says why."""


@dataclass(frozen=True)
class MonitorReport:
    """A written report.

    Attributes:
      html: the page to look at; the Evidently report lies beside it as `drift.html`.
      json: the same numbers.
      summary: the few that are kept in the registry.
    """

    html: Path
    json: Path
    summary: dict[str, Any]


def monitor_window(settings: Settings, window: str) -> MonitorReport:
    """Report on the live release over the `monitoring.report_windows` that end with `window`.

    Args:
      settings: the settings tree.
      window: newest closed window whose exposures are published.

    Returns:
      What was written to `reports/monitor/<window>/` and entered in the registry. A span without exposures gives a
      report that says so.

    Raises:
      MonitoringError: nothing is live that this version of the code can compute.
    """
    registry = open_registry(settings.resolved_registry_url)
    live, why = live_release(settings, registry)
    if live is None:
        raise MonitoringError(
            f"{why}, so there is nothing to report on; the DAG `bootstrap` makes the first one, each training another"
        )
    return report_on(settings, registry, live, load(settings, live.id), window)


def report_on(settings: Settings, registry: Registry, live: Release, bundle: Bundle, window: str) -> MonitorReport:
    """`monitor_window` of a live release whose bundle is loaded."""
    knobs = settings.monitoring
    first = windows.shift(window, 1 - knobs.report_windows)
    rows = read_rows(settings, bundle, first, window, settings.rollout.max_rows)
    heads = predict(bundle, rows)
    folder = settings.reports_path / KIND / window
    folder.mkdir(parents=True, exist_ok=True)
    drift = measure_drift(settings, bundle, rows, heads, folder, window) if len(rows) else NotMeasured("no exposures")
    watched = heads["watched"] if len(rows) else rows.weight[:0]
    content = {
        "window": window,
        "windows": [first, window],
        "release": live.id,
        "live_since": live.stage_since.isoformat(),
        "exposures": len(rows),
        "viewers": rows.num_viewers,
        "quality": [part.to_dict() for part in slices(rows, watched, settings.seed)],
        "reliability": reliability(
            rows.users,
            rows.watched,
            watched,
            rows.weight,
            num_groups=knobs.reliability_bins,
            seed=settings.seed,
        ).groups,
        "drift": _drift(drift),
        "drift_not_measured": drift.reason if isinstance(drift, NotMeasured) else "",
        "skew": _skew(settings, bundle, window),
    }
    html, record = folder / "index.html", folder / "report.json"
    record.write_text(json.dumps(content, indent=2))
    html.write_text(page(content))
    summary = _summary(rows, content)
    registry.add_report(KIND, window, live.id, html, summary)
    return MonitorReport(html, record, summary)


def _skew(settings: Settings, bundle: Bundle, window: str) -> dict[str, Any]:
    """Feature vectors that the service logged in `window`, and how many of them training would read otherwise; column
    -> in how many, the most first."""
    found = parity(settings, window, window, windows.start(window), bundle.shape.ranker_history_length)
    return {
        "vectors": len(found),
        "differ": found.num_differing,
        "columns": dict(found.worst),
        "without": found.num_without,
    }


def _drift(drift: Drift | NotMeasured) -> dict[str, Any] | None:
    if isinstance(drift, NotMeasured):
        return None
    return {
        "html": drift.html.name,
        "basis": str(drift.basis),
        "spans": [list(span) for span in drift.spans],
        "windows": list(drift.windows) if drift.windows else None,
        "columns": [column.to_dict() for column in drift.columns],
        "missing": drift.missing,
        "learned": drift.learned,
        "drifted": drift.drifted,
        "drifted_share": drift.drifted_share,
        "prediction": drift.prediction,
        "num_reference": drift.num_reference,
        "num_current": drift.num_current,
    }


def _summary(rows: Rows, content: dict[str, Any]) -> dict[str, Any]:
    """What is kept in the registry; `drifted` is column -> kind, distance, bound and detail, the furthest first, and
    None when drift was not measured."""
    overall, drift = content["quality"][0], content["drift"]
    drifted = sorted((c for c in drift["columns"] if c["is_drifted"]), key=lambda c: -c["distance"]) if drift else []
    kept = ("kind", "distance", "bound", "detail")
    return {
        "release": content["release"],
        "exposures": len(rows),
        "viewers": content["viewers"],
        **{name: overall[name] for name in ("calibration", "ne", "roc_auc", "pr_auc")},
        "drifted_share": drift["drifted_share"] if drift else None,
        "prediction_drift": drift["prediction"] if drift else None,
        "drift_basis": drift["basis"] if drift else None,
        "drifted": {c["name"]: {name: c[name] for name in kept} for c in drifted[:_MOST]} if drift else None,
        "drift_not_measured": content["drift_not_measured"],
        "skew": content["skew"],
    }
