"""Freshness: ages that can be checked by hand, and a scheduler that was killed."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.registry import Registry, Stage, open_registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.rules import load_rules
from monitoring.alerts.sources.age import ages
from monitoring.alerts.state import Instance, evaluate
from monitoring.freshness import TABLES, freshness

BEGIN = windows.start("20261124T2000Z")
RULES = load_rules()


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return open_registry(settings.resolved_registry_url)


def age_s(settings: Settings, registry: Registry, now: datetime) -> dict[str, float | None]:
    return {thing.name: thing.age_s for thing in freshness(settings, registry, now)}


def go_live(registry: Registry, at: datetime) -> None:
    registry.add_release("r1", "r1", at, {})
    registry.move("r1", Stage.LIVE, at, [])


def ingest(registry: Registry, window: str) -> None:
    registry.record_ingest(window, 1000, 0, 0, [])


def test_a_platform_that_was_never_live_is_late_with_nothing(settings: Settings, registry: Registry) -> None:
    ingest(registry, "20261101T0000Z")
    found = age_s(settings, registry, BEGIN)
    assert set(found) == {"arrivals", "snapshot", *TABLES}
    assert set(found.values()) == {None}


def test_ages_are_those_of_the_ends_of_the_newest_windows(settings: Settings, registry: Registry) -> None:
    go_live(registry, BEGIN)
    ingest(registry, "20261124T2100Z")
    lake = open_lake(settings.lake_path)
    for window in ("20261124T2040Z", "20261124T2050Z"):
        row = {"window": window, "event_id": window, "time": windows.start(window)}
        empty = lake.schemas["impressions"].empty_table()
        rows = empty.from_pylist([row], schema=lake.schemas["impressions"])
        lake.replace("impressions", [window], rows)
    settings.snapshots_path.mkdir(parents=True)
    (settings.snapshots_path / "20261124T2050Z.arrow").touch()
    now = windows.start("20261124T2120Z")
    found = age_s(settings, registry, now)
    assert (found["arrivals"], found["impressions"], found["snapshot"], found["r1"]) == (600, 1200, 1200, 4800)
    assert found["exposures"] == 4800, "nothing ever came: late since the platform is live"
    assert found["bundle"] == 4800


def test_a_history_that_ends_in_the_past_is_not_late_at_once_and_a_clock_behind_is_no_negative_age(
    settings: Settings, registry: Registry
) -> None:
    go_live(registry, BEGIN)
    ingest(registry, "20261101T0000Z")
    assert age_s(settings, registry, BEGIN + timedelta(seconds=30))["arrivals"] == 30
    assert age_s(settings, registry, BEGIN - timedelta(days=1))["arrivals"] == 0


def first_fired(settings: Settings, registry: Registry, since: datetime, is_wanted: Callable[[str], bool]) -> float:
    """Seconds from `since` until a wanted rule fires, looked at every 30 s; 0 when one fires already."""
    alerts: list[Instance] = []
    for step in range(0, 7200, 30):
        now = since + timedelta(seconds=step)
        alerts = evaluate(RULES, alerts, Reading(ages(settings, registry, now)), now)
        if any(a.fired and is_wanted(a.key[0]) for a in alerts):
            return step
    return float("inf")


@pytest.mark.parametrize("killed_after_s", [30, 120, 300, 570])
def test_a_killed_scheduler_is_alerted_within_15_minutes_and_not_before_a_window_is_late(
    settings: Settings, registry: Registry, killed_after_s: int
) -> None:
    """Windows are ingested 30 s after their end; the scheduler dies some seconds after the last."""
    go_live(registry, BEGIN)
    for i in range(6):
        ingest(registry, windows.shift("20261124T2000Z", i))
    ended = windows.end("20261124T2050Z")
    killed = ended + timedelta(seconds=killed_after_s)
    waited_s = first_fired(settings, registry, killed, lambda name: name == "arrivals_stale")
    assert 0 < waited_s <= 900
    assert waited_s + killed_after_s > 600 + 120, "the next window, two minutes late, is no alert"


def test_no_rule_about_ages_fires_while_everything_runs_with_its_usual_lag(
    settings: Settings, registry: Registry
) -> None:
    """Arrivals come up to 2 minutes after their window, features 5, exposures one window and 5 minutes more."""
    oldest_s = {"arrivals": 720, "impressions": 720, "snapshot": 900, "user_state": 900, "exposures": 1500}
    oldest_s |= {name: 900 for name in TABLES if name.endswith("_aggregates")} | {"bundle": 5400}
    kinds = {"arrivals": "arrivals", "snapshot": "snapshot", "bundle": "bundle"}
    found = [
        Measurement("age_s", {"kind": kinds.get(name, "table"), "name": name}, float(age))
        for name, age in oldest_s.items()
    ]
    assert evaluate(RULES, [], Reading(found), BEGIN) == []
    late = [Measurement(m.measure, m.labels, (m.value or 0) + 7200.0) for m in found]
    assert {alert.key[1] for alert in evaluate(RULES, [], Reading(late), BEGIN)} == {
        tuple(sorted(m.labels.items())) for m in found
    }, "each of them has a rule"


#: What stops -> seconds after a window's end at which it is usually there.
USUAL_S = {"impressions": 120, "snapshot": 300, "exposures": 900} | dict.fromkeys(
    (name for name in TABLES if name not in ("impressions", "exposures")), 300
)


@pytest.mark.parametrize("stopped", USUAL_S)
def test_a_table_that_stops_is_alerted_within_15_minutes_of_its_next_window_and_nothing_else_is(stopped: str) -> None:
    """The others go on; the newest window of `stopped` ended at 0, so the next one is there 600 s and more later."""

    def reading(seconds: float) -> Reading:
        ages = {name: seconds if name == stopped else usual for name, usual in USUAL_S.items()}
        kinds = {"snapshot": "snapshot"}
        labels = {name: {"kind": kinds.get(name, "table"), "name": name} for name in ages}
        return Reading([Measurement("age_s", labels[name], float(age)) for name, age in ages.items()])

    alerts: list[Instance] = []
    for seconds in range(0, 7200, 30):
        alerts = evaluate(RULES, alerts, reading(seconds), BEGIN + timedelta(seconds=seconds))
        if fired := [alert for alert in alerts if alert.fired]:
            break
    assert [dict(alert.key[1])["name"] for alert in fired] == [stopped]
    assert 600 + USUAL_S[stopped] < seconds <= 600 + USUAL_S[stopped] + 900
