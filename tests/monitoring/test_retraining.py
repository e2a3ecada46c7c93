"""When a training is started between the hours, and when it is not."""

import pytest
from stub_site import WINDOW, StubSite

from homefeed import windows
from homefeed.registry import Stage
from monitoring.live_calibration import record_refit
from monitoring.retraining import newest_retraining, start_retraining


def report(site: StubSite, back: int, *drifted: str) -> None:
    told = {name: {"kind": "features", "distance": 0.5, "bound": 0.2, "detail": ""} for name in drifted}
    window = windows.shift(WINDOW, -back)
    site.registry.add_report("monitor", window, "r1", site.settings.reports_path / "x", {"drifted": told})


def refit(site: StubSite, back: int, ratio: float, width: float = 0.05) -> None:
    head = {"is_refitted": True, "reason": "", "old_calibration": ratio, "new_calibration": ratio}
    bounds = {"old_low": ratio - width, "old_high": ratio + width}
    record_refit(site.settings, "r1", windows.shift(WINDOW, -back), {"watched": head | bounds})


def test_nothing_live_or_nothing_wrong_starts_nothing(site: StubSite) -> None:
    assert start_retraining(site.settings, WINDOW) is None
    site.add("r1", Stage.LIVE)
    assert start_retraining(site.settings, WINDOW) is None
    for back in range(3):
        report(site, back)
        refit(site, back, 1.3, width=0.4)
    assert start_retraining(site.settings, WINDOW) is None


def test_drift_in_three_reports_starts_one_training_and_no_other_for_an_hour(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    for back in (1, 2):
        report(site, back, "video_age_h")
    report(site, 0, "video_age_h", "user_watches_1h")
    started = start_retraining(site.settings, WINDOW)
    assert started is not None
    assert started.window == WINDOW
    assert "features drifted in 3 reports in a row: video_age_h 0.50" in started.reason
    assert "user_watches_1h" not in started.reason
    assert start_retraining(site.settings, WINDOW) == started, "a task that runs again gives the same answer"
    report(site, -1, "video_age_h")
    assert start_retraining(site.settings, windows.shift(WINDOW, 1)) is None
    for back in range(-8, -1):
        report(site, back, "video_age_h")
    assert start_retraining(site.settings, windows.shift(WINDOW, 6)) is not None
    found = newest_retraining(site.registry, WINDOW)
    assert found is not None
    assert found.window == windows.shift(WINDOW, 6)


@pytest.mark.parametrize(("ratios", "is_started"), [((1.3, 1.3, 1.3), True), ((1.3, 1.0, 1.3), False)])
def test_miscalibration_that_refits_do_not_mend_starts_one(
    site: StubSite, ratios: tuple[float, ...], is_started: bool
) -> None:
    site.add("r1", Stage.LIVE)
    for back, ratio in enumerate(ratios):
        refit(site, back, ratio)
    started = start_retraining(site.settings, WINDOW)
    assert (started is not None and "watched promises 1.30 times" in started.reason) is is_started
