"""What the newest reports say of the live release: calibration, drift."""

from datetime import datetime

from homefeed import windows
from homefeed.registry import Registry, Report
from homefeed.settings import Settings
from monitoring import live_calibration, report
from monitoring.alerts.reading import Measurement


def quality(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`miscalibration` of each head, `drifted_share` and `prediction_drift` of the live release.

    `miscalibration` is predicted over observed on the newest window, or its inverse when that is larger: 1.3 is 30 %
    too much or too little. It is of the calibrators that answered the window. A report of another release, or one
    older than `alerts.max_report_age_s`, is no data.
    """
    live = registry.live()
    if live is None:
        return []
    found = []
    refit = _newest(settings, registry, live_calibration.KIND, live.id, now)
    for head, told in (refit.summary["heads"] if refit else {}).items():
        ratio = told["old_calibration"]
        value = max(ratio, 1 / ratio) if ratio is not None and ratio > 0 else None
        done = f"Fitted again: {told['new_calibration']:.2f} from now on." if told["is_refitted"] else told["reason"]
        words = f"Every page: {head} is promised {ratio:.2f} times as often as it happens." if ratio is not None else ""
        labels = {"release": live.id, "head": head}
        found.append(Measurement("miscalibration", labels, value, words, done, refit.path if refit else ""))
    monitored = _newest(settings, registry, report.KIND, live.id, now)
    summary = monitored.summary if monitored else {}
    path = monitored.path if monitored else ""
    found += [
        Measurement(name, {"release": live.id}, summary.get(name), evidence=path)
        for name in ("drifted_share", "prediction_drift")
    ]
    return found


def _newest(settings: Settings, registry: Registry, kind: str, release: str, now: datetime) -> Report | None:
    found = next((r for r in registry.reports(kind, limit=20) if r.release == release), None)
    if found is None:
        return None
    age_s = (now - windows.end(found.window)).total_seconds()
    return found if age_s <= settings.alerts.max_report_age_s else None
