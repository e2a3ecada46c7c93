"""A training between the hours: started by drift that lasts, and by miscalibration that no refit has mended."""

import json
from dataclasses import dataclass

from homefeed import windows
from homefeed.registry import Registry, Report, open_registry
from homefeed.settings import Settings
from monitoring import live_calibration, report
from monitoring.drift.lasting import lasting, words

KIND = "retraining"


@dataclass(frozen=True)
class Retraining:
    """A training that was started.

    Attributes:
      window: the newest one that it may learn from.
      reason: one sentence.
    """

    window: str
    reason: str


def start_retraining(settings: Settings, window: str) -> Retraining | None:
    """Note that a training on windows up to `window` is due, and why; None when it is not.

    It is after `monitoring.retrain_after` reports in a row with drift, or with a head that is off beyond chance
    although its calibrator was fitted again, unless one was started in the `monitoring.retrain_pause` windows before.
    The same window gives the same answer again.
    """
    registry = open_registry(settings.resolved_registry_url)
    live = registry.live()
    if live is None:
        return None
    for row in registry.reports(KIND, limit=20):
        if row.window == window:
            return Retraining(window, str(row.summary["reason"]))
        if windows.shift(window, -settings.monitoring.retrain_pause) < row.window < window:
            return None
    reason = _reason(settings, registry, live.id, window)
    if not reason:
        return None
    file = settings.reports_path / KIND / f"{window}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"window": window, "release": live.id, "reason": reason}, indent=2))
    registry.add_report(KIND, window, live.id, file, {"reason": reason})
    return Retraining(window, reason)


def newest_retraining(registry: Registry, since: str) -> Report | None:
    """The newest training that was started for the look at a window from `since` on; None when there is none."""
    return next((row for row in registry.reports(KIND, limit=1) if row.window >= since), None)


def _reason(settings: Settings, registry: Registry, release: str, window: str) -> str:
    knobs = settings.monitoring
    reports = [row for row in registry.reports(report.KIND, limit=50) if row.window <= window]
    reasons = [
        f"{found.kind} drifted in {knobs.retrain_after} reports in a row: {words(found)}"
        for found in lasting(reports, knobs.retrain_after, knobs.report_windows) or []
    ]
    refits = [
        r for r in registry.reports(live_calibration.KIND, limit=50) if r.release == release and r.window <= window
    ]
    reasons += [
        f"{head} promises {off.ratio:.2f} times what happens, in {knobs.retrain_after} windows in a row, also by "
        "calibrators that were fitted again"
        for head, off in live_calibration.heads_off(refits, knobs.retrain_after).items()
        if off.value is not None and off.value > 1
    ]
    return "; ".join(reasons)[:1000]
