"""A registry, a lake and reports as they are on a busy day."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.registry import Registry, Stage, open_registry
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict
from monitoring.alerts.evaluation import evaluate_now
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.rules import RULES_FILE, load_rules

NOW = datetime(2026, 11, 24, 22, 5, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
GATES = [
    Check("watched_share", Verdict.WAIT, 0.0012, 0.0006, (-0.0004, 0.0028), 8412, "share of watched exposures"),
    Check("dismissals", Verdict.PASS, -0.0001, 0.0004, (-0.0003, 0.0002), 8412, "share of dismissed exposures"),
    Check("failed_pages", Verdict.PASS, 0.0, 0.001, (0.0, 0.0004), 9120, "share of failed or degraded pages"),
    Check("sample_ratio", Verdict.PASS, 0.41, 0.001, None, 18010, "1804 of 18010 viewers where 0.1 is meant"),
]


def busy(settings: Settings) -> Registry:
    """r1 was live, r2 is, r3 is in canary, r4 waits in shadow, r0 failed; a table is stale and a task has failed."""
    registry = open_registry(settings.resolved_registry_url)
    passed = [Check("ranking_ne", Verdict.PASS, 0.93, 0.94, (0.92, 0.94), 12000, "against live's 0.935")]
    for name, hours in (("r0", 30), ("r1", 26), ("r2", 8), ("r3", 2), ("r4", 0.5)):
        at = NOW - timedelta(hours=hours)
        registry.add_release(name, name, at - 20 * _MINUTE, {})
        if name == "r0":
            failed = Check("calibration", Verdict.FAIL, 1.31, 1.2, (1.27, 1.35), 40000, "predicts <too> much")
            registry.move(name, Stage.ROLLED_BACK, at, [failed], "failed: calibration")
            continue
        stages = {"r3": [Stage.CANARY], "r4": []}.get(name, [Stage.CANARY, Stage.RAMP, Stage.LIVE])
        for step, stage in enumerate(stages):
            registry.move(name, stage, at + step * 15 * _MINUTE, passed, "every one of 1 checks passed")
    registry.move("r3", Stage.CANARY, NOW - 5 * _MINUTE, GATES, "waits for: watched_share")
    live_errors = Check("live_errors", Verdict.PASS, 0.0002, 0.05, (0.0, 0.001), 9000, "share of failed pages")
    registry.move("r2", Stage.LIVE, NOW - 5 * _MINUTE, [live_errors], "every one of 1 checks passed")
    registry.knobs.turn("exploration", 0.3, NOW - timedelta(hours=3), "ann", "more new", arm="more-new", share=0.1)
    registry.failures.note("train_ranking", "train", "run-1", NOW - 40 * _MINUTE, "MemoryError: <none> left")
    fire(settings, registry)
    _measure(settings)
    _report(settings, registry)
    return registry


def fire(settings: Settings, registry: Registry, num_tasks: int = 1) -> None:
    """One evaluation that finds failed tasks and a release that waits."""
    found = [Measurement("failed_tasks", {"dag": "train_ranking", "task": f"train{i}"}, 1.0) for i in range(num_tasks)]
    found.append(Measurement("waiting_s", {"release": "r3", "stage": "canary"}, 30_000.0, "10% of the viewers."))
    # Many alerts are there at once; few have been there for a while.
    for ago in (30, 0) if num_tasks == 1 else (0,):
        at = NOW - ago * _MINUTE
        evaluate_now(settings, registry, load_rules(RULES_FILE), {}, "test", at, Reading(found))


def _measure(settings: Settings) -> None:
    """Every half hour of the day three metrics of what was live, and of r3 in the newest two hours; an arm as well."""
    random, names, rows = np.random.default_rng(5), [], []
    lake = open_lake(settings.lake_path)
    for back in range(3, 144, 3):
        window = windows.shift(windows.window_of(NOW), -back)
        names.append(window)
        size = int(600 * (1.2 + math.sin(back / 23)))
        shares = {"r1" if back > 48 else "r2": 1.0} | ({"r3": 0.1, "r2+r3": 0.05} if back < 12 else {})
        for release, arm, share in [*((name, "", share) for name, share in shares.items()), ("", "e/more", 0.1)]:
            shown, viewers = max(round(size * share), 20), max(round(size * share / 12), 2)
            for metric, below, rate in (
                ("click_through", shown, 0.02),
                ("watch_s_per_viewer", viewers, 58.0),
                ("dismissals_per_viewer", viewers, 0.03),
            ):
                value = rate * random.uniform(0.8, 1.2)
                half = 1.5 * value / math.sqrt(viewers)
                known = {"window": window, "release": release, "arm": arm, "slice": "all", "metric": metric}
                counts = {"numerator": value * below, "denominator": float(below), "num_viewers": viewers}
                rows.append(known | counts | {"value": value, "low": value - half, "high": value + half})
    lake.replace("online_metrics", names, pa.Table.from_pylist(rows, schema=lake.schemas["online_metrics"]))


def _report(settings: Settings, registry: Registry) -> None:
    """A monitoring report every hour; the newest has its numbers beside it."""
    for back in range(140, 0, -6):
        window = windows.shift(windows.window_of(NOW), -back)
        folder = settings.reports_path / "monitor" / window
        folder.mkdir(parents=True)
        for file in ("index.html", "drift.html"):
            (folder / file).write_text("<!doctype html><title>a report</title><script>document.title = 'ran'</script>")
        summary = {"calibration": 1 + back / 2000, "ne": 0.91, "roc_auc": 0.74, "drifted_share": back / 400}
        registry.add_report("monitor", window, "r2", folder / "index.html", summary | {"prediction_drift": 0.1})
        kinds = {"kind": "features", "bound": 0.2}
        columns = [
            {"name": "user_watches_24h", "distance": 0.31, "is_drifted": True} | kinds,
            {"name": "video_age_h", "distance": 0.05, "is_drifted": False} | kinds,
        ]
        drift = {"html": "drift.html", "basis": "weeks", "columns": columns}
        (folder / "report.json").write_text(json.dumps({"drift": drift}))
