"""Quality and the report of a window."""

import json
from dataclasses import replace

import numpy as np
import pytest
from stub_bundle import no_rows, stub_rows
from stub_site import WINDOW, StubSite

from homefeed.features import DENSE_FEATURES
from homefeed.registry import Stage
from monitoring.page import page
from monitoring.quality import slices
from monitoring.report import MonitoringError, monitor_window


def test_nothing_live_is_an_error_that_says_so(site: StubSite) -> None:
    with pytest.raises(MonitoringError, match="no release is live"):
        monitor_window(site.settings, WINDOW)


def test_so_is_a_live_release_that_only_another_version_of_the_code_computes(
    site: StubSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("r1", Stage.LIVE)
    monkeypatch.setattr("models.bundle.another_version", lambda *_: "its networks lack the weights 'phase'")
    with pytest.raises(MonitoringError, match="release r1 is of another version of the code: .* 'phase'"):
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


def test_the_report_names_features_that_training_would_read_otherwise(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.differs[:7, DENSE_FEATURES.index("user_watches_1h")] = True
    site.differs[:2, DENSE_FEATURES.index("video_age_h")] = True
    written = monitor_window(site.settings, WINDOW)
    skew = {"vectors": 500, "differ": 7, "columns": {"user_watches_1h": 7, "video_age_h": 2}, "without": 0}
    assert written.summary["skew"] == skew
    assert "7 of 500 feature vectors" in written.html.read_text()
    assert "user_watches_1h (7), video_age_h (2)" in written.html.read_text()
    site.differs = site.differs[:0]
    assert "No feature vector" in monitor_window(site.settings, WINDOW).html.read_text()


def test_slices_by_hand() -> None:
    """Four viewers, two watches where one was promised: calibration 1/2."""
    rows = replace(stub_rows(4), users=np.arange(4), watched=np.array([1, 1, 0, 0], bool))
    (overall,) = slices(rows, np.full(4, 0.25, np.float32), seed=0)
    assert (overall.calibration, overall.num_exposures, overall.num_positives, overall.roc_auc) == (0.5, 4, 2, 0.5)


def test_one_class_has_no_quality() -> None:
    rows = replace(stub_rows(4), users=np.arange(4), watched=np.zeros(4, bool))
    (overall,) = slices(rows, np.full(4, 0.25, np.float32), seed=0)
    assert (overall.calibration, overall.ne, overall.roc_auc, overall.pr_auc) == (None, None, None, None)


def test_the_page_escapes_names() -> None:
    content = {"window": "w", "windows": ["a", "b"], "release": "<script>", "live_since": "", "exposures": 0}
    assert "<script>" not in page(content)
