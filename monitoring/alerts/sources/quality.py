"""What the newest reports say of the live release: calibration, drift."""

from datetime import datetime

from homefeed import windows
from homefeed.registry import Registry, Report
from homefeed.settings import Settings
from monitoring import live_calibration, report
from monitoring.alerts.reading import Measurement
from monitoring.drift.columns import METHODS
from monitoring.drift.lasting import lasting, words
from monitoring.retraining import newest_retraining

#: Windows in a row that show a head to be off before it is one.
_IN_A_ROW = 2
#: Windows of a chart: a day.
_CHARTED = 144


def quality(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`miscalibration` of each head of the live release, and `drifted_columns` of each kind.

    `miscalibration` is predicted over observed on the newest window, or its inverse when that is larger: 1.3 is 30 %
    too much or too little. It is of the calibrators that answered the window, and 1 unless the newest two windows both
    show it beyond chance. `drifted_columns` are those that drifted in the newest `monitoring.drift_lasts` reports. A
    report older than `alerts.max_report_age_s`, or of a time that has not come yet, is no data.
    """
    live = registry.live()
    if live is None:
        return []
    return [*_miscalibration(settings, registry, live.id, now), *_drift(settings, registry, now)]


def _miscalibration(settings: Settings, registry: Registry, release: str, now: datetime) -> list[Measurement]:
    refits = [r for r in registry.reports(live_calibration.KIND, limit=200) if r.release == release]
    refits = [r for r in refits if windows.start(r.window) <= now]
    if not refits or not _is_new(settings, refits[0], now):
        return []
    newest, found = refits[0], []
    heads = newest.summary["heads"]
    for head, off in live_calibration.heads_off(refits, _IN_A_ROW).items():
        told = heads[head]
        done = f"Fitted again: {told['new_calibration']:.2f} from now on." if told["is_refitted"] else told["reason"]
        done += _retrained(registry, refits[min(len(refits), _IN_A_ROW) - 1].window)
        affected = f"Every page: {head} is promised {off.ratio:.2f} times as often as it happens." if off.ratio else ""
        past = [
            (windows.end(r.window), max(ratio, 1 / ratio))
            for r in reversed(refits[:_CHARTED])
            if (ratio := r.summary["heads"].get(head, {}).get("old_calibration"))
        ]
        labels = {"release": release, "head": head}
        found.append(Measurement("miscalibration", labels, off.value, affected, done, newest.path, past))
    return found


def _drift(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    knobs = settings.monitoring
    reports = [r for r in registry.reports(report.KIND, limit=200) if windows.start(r.window) <= now]
    is_new = bool(reports) and _is_new(settings, reports[0], now)
    found = lasting(reports, knobs.drift_lasts, knobs.report_windows) if is_new else None
    by_kind = {drifted.kind: drifted for drifted in found or []}
    measured = []
    for kind in METHODS:
        past = [(windows.end(r.window), float(_num(r, kind))) for r in reversed(reports[:_CHARTED]) if _is_measured(r)]
        if found is None or kind not in by_kind:
            measured.append(
                Measurement("drifted_columns", {"kind": kind}, None if found is None else 0.0, history=past)
            )
            continue
        drifted = by_kind[kind]
        affected = f"Since window {drifted.since}: {words(drifted)}."
        done = _retrained(registry, drifted.since).strip() or "The next hour trains on the newest exposures."
        measured.append(
            Measurement(
                "drifted_columns",
                {"kind": kind},
                float(len(drifted.columns)),
                affected,
                done,
                reports[0].path,
                past,
            )
        )
    return measured


def _retrained(registry: Registry, since: str) -> str:
    started = newest_retraining(registry, since)
    return f" A training on windows up to {started.window} was started." if started else ""


def _is_measured(row: Report) -> bool:
    return row.summary.get("drifted") is not None


def _num(row: Report, kind: str) -> int:
    return sum(told["kind"] == kind for told in row.summary["drifted"].values())


def _is_new(settings: Settings, row: Report, now: datetime) -> bool:
    return (now - windows.end(row.window)).total_seconds() <= settings.alerts.max_report_age_s
