"""Drift, reliability and the report of a window."""

import json
from dataclasses import replace

import numpy as np
import pytest
from stub_bundle import TRUTH, StubBundle, no_rows, scramble, stub_rows
from stub_site import WINDOW, StubSite

from homefeed.features import DENSE_FEATURES
from homefeed.registry import Stage
from homefeed.settings import Settings, load
from homefeed.settings.monitoring import MonitoringSettings
from monitoring.drift import measure_drift
from monitoring.page import page
from monitoring.reliability import curve, slices
from monitoring.report import MonitoringError, monitor_window


def test_nothing_live_is_an_error_that_says_so(site: StubSite) -> None:
    with pytest.raises(MonitoringError, match="no release is live"):
        monitor_window(site.settings, WINDOW)


def test_a_window_without_exposures_gives_a_report_that_says_so(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.rows = no_rows()
    written = monitor_window(site.settings, WINDOW)
    assert "No exposures" in written.html.read_text()
    assert written.summary["exposures"] == 0
    assert written.summary["ne"] is None


def test_report_of_a_live_release(site: StubSite) -> None:
    """Predictions are the truth: calibrated, no drift; NE and AUC as the same numbers in page, JSON and registry."""
    site.add("r1", Stage.LIVE)
    written = monitor_window(site.settings, WINDOW)
    content = json.loads(written.json.read_text())
    overall = content["quality"][0]
    assert overall["low"] < 1 < overall["high"]
    assert overall["ne"] < 1
    assert {part["name"] for part in content["quality"]} == {"all", "source two_tower", "source fresh", "device phone"}
    assert sum(group["num_exposures"] for group in content["reliability"]) == len(site.rows)
    assert content["drift"]["drifted"] == []
    assert "Data drift" in (written.html.parent / "drift.html").read_text()
    assert f"{overall['ne']:.4f}" in written.html.read_text()
    (stored,) = site.registry.reports("monitor")
    assert (stored.release, stored.path, stored.summary["ne"]) == ("r1", str(written.html), overall["ne"])
    monitor_window(site.settings, WINDOW)
    assert len(site.registry.reports("monitor")) == 1, "a report made again replaces the one before"


def test_drift_names_the_column_that_moved(settings: Settings) -> None:
    rows, bundle = stub_rows(2_000), StubBundle(settings.models_path)
    rows.inputs.dense[:, DENSE_FEATURES.index("video_watches_24h")] += 1
    found = measure_drift(settings, bundle, rows, bundle.heads(rows.inputs), settings.reports_path)
    assert found is not None
    assert found.drifted == ["video_watches_24h"]
    num_features = sum(not name.startswith("predicted_") for name in found.distances)
    assert found.drifted_share == pytest.approx(1 / num_features)
    # A shift by 1 of a uniform column, whose deviation is 1 / sqrt(12).
    assert found.distances["video_watches_24h"] == pytest.approx(12**0.5, rel=0.05)


def test_a_column_of_two_neighbouring_floats_is_compared(settings: Settings) -> None:
    rows, bundle = stub_rows(2_000), StubBundle(settings.models_path)
    age = rows.inputs.dense[:, DENSE_FEATURES.index("video_age_h")]
    age[:] = 720
    age[::2] = np.nextafter(np.float32(720), np.float32(721))
    found = measure_drift(settings, bundle, rows, bundle.heads(rows.inputs), settings.reports_path)
    assert found is not None
    assert "video_age_h" in found.distances


def test_too_few_rows_are_not_compared(settings: Settings) -> None:
    rows, bundle = stub_rows(199), StubBundle(settings.models_path)
    assert measure_drift(settings, bundle, rows, bundle.heads(rows.inputs), settings.reports_path) is None


def test_slices_by_hand() -> None:
    """Four viewers, two watches where one was promised: calibration 1/2."""
    rows = replace(stub_rows(4), users=np.arange(4), watched=np.array([1, 1, 0, 0], bool))
    (overall,) = slices(rows, np.full(4, 0.25, np.float32), seed=0)
    assert (overall.calibration, overall.num_exposures, overall.num_positives, overall.roc_auc) == (0.5, 4, 2, 0.5)


def test_one_class_has_no_quality() -> None:
    rows = replace(stub_rows(4), users=np.arange(4), watched=np.zeros(4, bool))
    (overall,) = slices(rows, np.full(4, 0.25, np.float32), seed=0)
    assert (overall.calibration, overall.ne, overall.roc_auc, overall.pr_auc) == (None, None, None, None)


def test_equal_predictions_are_one_group() -> None:
    rows = stub_rows(100)
    (group,) = curve(rows, np.full(100, 0.25, np.float32), 10, seed=0)
    assert (group.predicted, group.num_exposures) == (pytest.approx(0.25), 100)
    assert group.low <= group.observed <= group.high


def test_scrambled_predictions_make_a_flat_curve() -> None:
    rows = stub_rows()
    bins = curve(rows, scramble({"watched": rows.inputs.dense[:, TRUTH]})["watched"], 5, seed=0)
    assert bins[-1].predicted / bins[0].predicted > 5
    assert 0.5 < bins[-1].observed / bins[0].observed < 2


def test_the_page_escapes_names() -> None:
    content = {"window": "w", "windows": ["a", "b"], "release": "<script>", "live_since": "", "exposures": 0}
    assert "<script>" not in page(content, 0.2)


def test_settings_reach_the_drift_report(settings: Settings) -> None:
    quick = load(var=settings.var, monitoring=MonitoringSettings(sample_rows=300, drift_threshold=10))
    rows, bundle = stub_rows(1_000), StubBundle(quick.models_path)
    rows.inputs.dense[:, DENSE_FEATURES.index("video_watches_24h")] += 1
    found = measure_drift(quick, bundle, rows, bundle.heads(rows.inputs), quick.reports_path)
    assert found is not None
    assert (found.num_reference, found.num_current, found.drifted) == (300, 300, [])
