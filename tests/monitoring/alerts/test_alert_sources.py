"""What the sources measure on a registry that is made by hand, and what a source that fails does to the others."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from stub_desk import NOW

from homefeed import windows
from homefeed.registry import Registry, Stage
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict
from monitoring.alerts import sources
from monitoring.alerts.sources.intake import intake
from monitoring.alerts.sources.quality import quality
from monitoring.alerts.sources.releases import releases
from monitoring.alerts.sources.runs import runs
from monitoring.alerts.sources.service import service
from monitoring.alerts.sources.skew import skew
from monitoring.live_calibration import record_refit

WINDOW = "20261124T2150Z"
GoLive = Callable[..., None]


def values(found: list[sources.Measurement]) -> dict[str, float | None]:
    """Measure, with its labels, -> value."""
    return {"/".join([m.measure, *m.labels.values()]): m.value for m in found}


def test_an_empty_platform_measures_nothing_bad(settings: Settings, registry: Registry) -> None:
    found = sources.read(settings, registry, NOW)
    assert found.unknown == {sources.REGISTRY}
    assert {m.value for m in found.measurements} <= {None, 0.0}


def test_a_source_that_fails_is_named_and_the_others_are_read(settings: Settings, registry: Registry) -> None:
    def broken(*_: object) -> list[sources.Measurement]:
        raise OSError("the disk is gone")

    asked = {"broken": sources.Source(broken, frozenset({"x", "y"})), "runs": sources.SOURCES["runs"]}
    found = sources.read(settings, registry, NOW, asked)
    assert found.unknown == {"x", "y", sources.REGISTRY}
    assert values(list(found.measurements)) == {"failed_sources/broken": 1.0, "failed_sources/runs": 0.0}
    assert "the disk is gone" in found.measurements[0].done


def ingest(registry: Registry, *rows: tuple[int, int, int], last: str = WINDOW) -> None:
    for i, row in enumerate(reversed(rows)):
        registry.record_ingest(windows.shift(last, -i), *row, [])


def test_shares_are_of_the_newest_windows_together(settings: Settings, registry: Registry) -> None:
    ingest(registry, (0, 5000, 5000), (800, 100, 100), (900, 50, 50), (960, 0, 40))
    found = values(intake(settings, registry, NOW))
    assert found["quarantined_share"] == pytest.approx(150 / 3000)
    assert found["duplicate_share"] == pytest.approx(190 / 3000)


def test_too_few_events_are_no_evidence(settings: Settings, registry: Registry, go_live: GoLive) -> None:
    go_live(at=NOW - timedelta(days=1))
    ingest(registry, *[(1, 9, 0)] * 8)
    assert set(values(intake(settings, registry, NOW)).values()) == {None}


def test_the_volume_is_compared_with_windows_since_the_platform_is_live(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    ingest(registry, *[(90_000, 0, 0)] * 20, *[(1000, 0, 0)] * 6, (400, 0, 0))
    assert values(intake(settings, registry, NOW))["volume_ratio"] is None
    go_live(at=windows.start(windows.shift(WINDOW, -7)))
    assert values(intake(settings, registry, NOW))["volume_ratio"] == pytest.approx(0.4)


def test_nothing_live_is_bad_only_after_something_was(settings: Settings, registry: Registry, go_live: GoLive) -> None:
    registry.add_release("r0", "r0", NOW, {})
    assert values(releases(settings, registry, NOW))["without_live"] is None
    go_live()
    assert values(releases(settings, registry, NOW))["without_live"] == 0
    registry.move("r1", Stage.ROLLED_BACK, NOW, [])
    found = releases(settings, registry, NOW)
    assert values(found)["without_live"] == 1
    assert "Pages fall back to trending" in next(m.done for m in found if m.measure == "live_rollbacks")


def test_a_rollback_of_the_live_release_is_measured_for_an_hour_with_who_and_what_answers_now(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    go_live("r1")
    go_live("r2")
    registry.move("r2", Stage.ROLLED_BACK, NOW, [Check("live_errors", Verdict.FAIL)], "failed: live_errors")
    (found,) = [m for m in releases(settings, registry, NOW) if m.measure == "live_rollbacks"]
    assert found.labels == {"release": "r2"}
    assert found.done == "Rolled back (by its guardrails: failed: live_errors). r1 is live."
    assert "live_rollbacks/r2" not in values(releases(settings, registry, NOW + timedelta(seconds=3601)))


def test_a_canary_that_was_rolled_back_is_no_rollback_of_the_live_release_but_counts_in_the_row(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    go_live()
    for i in range(3):
        registry.add_release(f"c{i}", "c", NOW + timedelta(minutes=1 + i), {})
        registry.move(f"c{i}", Stage.ROLLED_BACK, NOW, [Check("ne", Verdict.FAIL)], "failed: ne")
    found = releases(settings, registry, NOW)
    assert values(found) == {"without_live": 0.0, "rejected_in_a_row": 3.0}
    assert "the last one, c2: failed: ne" in found[1].done


def test_waiting_and_paused_releases_are_told_apart_with_their_share(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    go_live()
    for name, stage in (("c1", Stage.CANARY), ("c2", Stage.SHADOW)):
        registry.add_release(name, name, NOW, {})
        registry.move(name, stage, NOW, [], "waits for: online")
    registry.hold("c2", NOW + timedelta(hours=1), "ann", "we look first")
    found = {m.measure: m for m in releases(settings, registry, NOW + timedelta(hours=3))}
    assert (found["waiting_s"].labels["release"], found["waiting_s"].value) == ("c1", 3 * 3600)
    assert found["waiting_s"].affected == "10% of the viewers get its pages."
    assert "waits for: online" in found["waiting_s"].done
    assert (found["paused_s"].labels["release"], found["paused_s"].value) == ("c2", 2 * 3600)
    assert "Paused by ann" in found["paused_s"].done


BEFORE = windows.shift(WINDOW, -1)


def refit(settings: Settings, window: str, ratio: float | None, is_refitted: bool = False, release: str = "r1") -> None:
    """A record whose interval is a twentieth to either side."""
    head = {"is_refitted": is_refitted, "reason": "no better", "old_calibration": ratio, "new_calibration": 1.02}
    bounds = {"old_low": ratio and ratio - 0.05, "old_high": ratio and ratio + 0.05}
    record_refit(settings, release, window, {"watched": head | bounds})


@pytest.mark.parametrize(("ratio", "value"), [(1.3, 1.3), (1 / 1.3, 1.3), (1.0, 1.0), (None, None), (0.0, None)])
def test_miscalibration_is_the_same_in_both_directions(
    settings: Settings, registry: Registry, go_live: GoLive, ratio: float | None, value: float | None
) -> None:
    go_live()
    refit(settings, BEFORE, ratio)
    refit(settings, WINDOW, ratio)
    assert values(quality(settings, registry, NOW))["miscalibration/r1/watched"] == (value and pytest.approx(value))


@pytest.mark.parametrize("ratio", [1.04, 1 / 1.3, None])
def test_one_window_alone_and_one_to_the_other_side_show_nothing(
    settings: Settings, registry: Registry, go_live: GoLive, ratio: float | None
) -> None:
    go_live()
    refit(settings, BEFORE, ratio)
    refit(settings, WINDOW, 1.3)
    assert values(quality(settings, registry, NOW))["miscalibration/r1/watched"] == 1.0


def test_what_the_refit_did_is_told_and_the_next_window_judges_it(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    go_live()
    refit(settings, "20261124T2130Z", 1.3)
    refit(settings, "20261124T2140Z", 1.3, is_refitted=True)
    (found,) = [m for m in quality(settings, registry, NOW) if m.measure == "miscalibration"]
    assert found.done == "Fitted again: 1.02 from now on."
    assert "1.30 times as often" in found.affected
    assert [value for _, value in found.history] == [1.3, 1.3]
    refit(settings, WINDOW, 1.02)
    assert values(quality(settings, registry, NOW))["miscalibration/r1/watched"] == 1.0


def test_reports_of_another_release_old_ones_and_those_of_tomorrow_are_no_data(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    go_live()
    refit(settings, WINDOW, 1.3, release="r0")
    refit(settings, "20261124T1900Z", 1.3)
    refit(settings, "20261125T2150Z", 1.3)
    drift(settings, registry, "20261125T2140Z", "20261125T2150Z")
    found = values(quality(settings, registry, NOW))
    assert "miscalibration/r1/watched" not in found
    assert found["drifted_columns/features"] is None


def skewed(registry: Registry, differ: int, vectors: int = 1000, window: str = WINDOW) -> None:
    told = {"vectors": vectors, "differ": differ, "columns": {"user_watches_1h": differ} if differ else {}}
    registry.add_report("monitor", window, "r1", "index.html", {"skew": told})


def test_skew_is_told_when_it_is_surely_more_than_the_bound(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    """One vector in a thousand may differ; of three in a thousand chance could be the cause."""
    assert skew(settings, registry, NOW) == [], "nothing is live"
    go_live()
    skewed(registry, 10, window=BEFORE)
    skewed(registry, 3)
    assert values(skew(settings, registry, NOW)) == {"skewed_share": 0.0}
    skewed(registry, 100)
    (found,) = skew(settings, registry, NOW)
    assert (found.value, [value for _, value in found.history]) == (0.1, [0.01, 0.1])
    assert found.affected == "10.0% of what pages are ranked by: user_watches_1h (100)."


@pytest.mark.parametrize(("vectors", "window"), [(99, WINDOW), (1000, "20261124T1900Z"), (1000, "20261125T2150Z")])
def test_too_few_vectors_old_reports_and_those_of_tomorrow_say_nothing_of_skew(
    settings: Settings, registry: Registry, go_live: GoLive, vectors: int, window: str
) -> None:
    go_live()
    skewed(registry, 50, vectors, window)
    assert values(skew(settings, registry, NOW)) == {"skewed_share": None}


def drift(settings: Settings, registry: Registry, *names: str) -> None:
    """Reports of windows in which video_age_h drifted."""
    for name in names:
        told = {"video_age_h": {"kind": "features", "distance": 0.5, "bound": 0.2, "detail": ""}}
        registry.add_report("monitor", name, "r1", settings.reports_path / "x.html", {"drifted": told})


def test_drift_is_that_of_two_reports_in_a_row_with_the_columns_and_what_was_started(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    go_live()
    drift(settings, registry, WINDOW)
    assert set(values(quality(settings, registry, NOW)).values()) == {0.0}
    drift(settings, registry, BEFORE)
    found = {m.labels["kind"]: m for m in quality(settings, registry, NOW)}
    assert {kind: m.value for kind, m in found.items() if m.value} == {"features": 1.0}
    assert found["features"].affected == f"Since window {BEFORE}: video_age_h 0.50 (bound 0.20)."
    assert found["features"].evidence.endswith("x.html")
    assert found["features"].done == "The next hour trains on the newest exposures."
    registry.add_report("retraining", WINDOW, "r1", settings.reports_path / "y.json", {"reason": "drift"})
    (after,) = [m for m in quality(settings, registry, NOW) if m.value]
    assert after.done == f"A training on windows up to {WINDOW} was started."


def test_a_failed_task_is_there_until_it_succeeds(settings: Settings, registry: Registry) -> None:
    registry.failures.note("ingest_events", "ingest", "run-1", NOW, "OSError: disk full")
    registry.failures.note("ingest_events", "ingest", "run-2", NOW, "OSError: disk still full")
    (found,) = runs(settings, registry, NOW)
    assert (found.labels, found.value) == ({"dag": "ingest_events", "task": "ingest"}, 1.0)
    assert found.done == "Run run-2: OSError: disk still full"
    registry.failures.end("ingest_events", "ingest")
    assert runs(settings, registry, NOW) == []


def test_a_silent_watch_is_measured_once_it_was_heard(settings: Settings, registry: Registry) -> None:
    assert registry.alerts.commit("airflow", NOW, 0, [], [], [])
    assert runs(settings, registry, NOW) == []
    assert registry.alerts.commit("watch", NOW, 1, [], [], [])
    later: datetime = NOW + timedelta(seconds=400)
    assert values(runs(settings, registry, later)) == {"watch_silent_s": 400.0}
    assert values(runs(settings, registry, NOW - timedelta(days=1))) == {"watch_silent_s": 0.0}


def test_a_service_that_is_not_there_is_told_once_something_was_live(
    settings: Settings, registry: Registry, go_live: GoLive
) -> None:
    asked = settings.model_copy(
        update={"alerts": settings.alerts.model_copy(update={"service_url": "http://127.0.0.1:9"})}
    )
    assert values(service(asked, registry, NOW)) == {"unreachable": None}
    go_live()
    (found,) = service(asked, registry, NOW)
    assert found.value == 1.0
    assert "ConnectError" in found.done
    assert values(service(settings, registry, NOW)) == {"unreachable": None}, "no URL, no question"
