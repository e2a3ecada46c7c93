"""The states of an alert: the whole product of state and reading, durations, hysteresis, and clocks that jump."""

from datetime import datetime, timedelta

import pytest
from stub_desk import NOW, length, rule

from homefeed.registry import AlertState
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.state import Instance, evaluate, key_of

#: Wrong above 10 for 60 s, right again at most 5 for 120 s.
RULE = rule(resolve_bound=5, for_s=60, resolve_for_s=120)
KEY = key_of("queue_long", {"name": "a"})
READINGS = {
    "wrong": Reading([length(11)]),
    "between": Reading([length(7)]),
    "right": Reading([length(5)]),
    "no data": Reading([length(None)]),
    "gone": Reading([]),
    "unknown": Reading([], frozenset({"length"})),
}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def after(alert: Instance | None, reading: str, seconds: float) -> str | None:
    found = evaluate([RULE], [alert] if alert else [], READINGS[reading], at(seconds))
    return str(found[0].state) if found else None


@pytest.mark.parametrize(
    ("reading", "nothing", "young", "old", "firing", "clearing"),
    [
        ("wrong", "pending", "pending", "firing", "firing", "firing"),
        ("between", None, None, None, "firing", "firing"),
        ("right", None, None, None, "firing", "resolved"),
        ("no data", None, "pending", "pending", "firing", "firing"),
        ("gone", None, None, None, "firing", "resolved"),
        ("unknown", None, "pending", "pending", "firing", "firing"),
    ],
)
def test_product_of_state_and_reading(
    reading: str, nothing: str | None, young: str | None, old: str | None, firing: str, clearing: str
) -> None:
    pending = Instance(KEY, AlertState.PENDING, since=NOW)
    fires = Instance(KEY, AlertState.FIRING, since=NOW, fired=NOW)
    clears = Instance(KEY, AlertState.FIRING, since=NOW, fired=NOW, clear_since=NOW)
    assert after(None, reading, 0) == nothing
    assert after(pending, reading, 59) == young
    assert after(pending, reading, 60) == old
    assert after(fires, reading, 119) == firing
    assert after(clears, reading, 120) == clearing


def run(*values: tuple[float, float | None]) -> list[str | None]:
    """State after each (second, value), from nothing; a value of None is no data."""
    alerts: list[Instance] = []
    states: list[str | None] = []
    for seconds, value in values:
        alerts = evaluate([RULE], alerts, Reading([length(value)]), at(seconds))
        states.append(str(alerts[0].state) if alerts else None)
        alerts = [alert for alert in alerts if alert.state != AlertState.RESOLVED]
    return states


def test_a_value_that_trembles_around_the_bound_gives_one_alert_and_no_resolution() -> None:
    trembling = [(30.0 * i, 11.0 if i % 2 else 9.0) for i in range(5, 40)]
    assert set(run((0, 11), (60, 11), *trembling)[1:]) == {"firing"}


def test_it_resolves_only_after_it_was_right_without_a_break() -> None:
    states = run((0, 11), (60, 11), (90, 4), (180, 6), (210, 4), (329, 4), (330, 4), (360, 4))
    assert states == ["pending", "firing", "firing", "firing", "firing", "firing", "resolved", None]


def test_missing_data_breaks_the_time_of_being_right_too() -> None:
    assert run((0, 11), (60, 11), (90, 4), (180, None), (210, 4), (329, 4), (330, 4))[-2:] == ["firing", "resolved"]


def test_each_set_of_labels_is_its_own_alert_and_other_labels_are_not_looked_at() -> None:
    only_b = rule(name="only_b", labels={"name": ["b*", "z"]})
    found = evaluate([rule(), only_b], [], Reading([length(11, "a"), length(11, "b1"), length(3, "z")]), NOW)
    assert sorted(alert.key for alert in found) == sorted(
        [key_of("queue_long", {"name": "a"}), key_of("queue_long", {"name": "b1"}), key_of("only_b", {"name": "b1"})]
    )


def test_the_order_of_labels_does_not_matter() -> None:
    first, second = Measurement("length", {"x": "1", "y": "2"}, 11.0), Measurement("length", {"y": "2", "x": "1"}, 12.0)
    (alert,) = evaluate([rule()], [], Reading([first]), NOW)
    (again,) = evaluate([rule()], [alert], Reading([second]), at(30))
    assert (again.since, again.value) == (NOW, 12.0)


def test_without_a_duration_it_fires_at_once_and_not_at_the_bound_itself() -> None:
    assert evaluate([rule()], [], Reading([length(10)]), NOW) == []
    (alert,) = evaluate([rule()], [], Reading([length(10.001)]), NOW)
    assert (alert.state, alert.since, alert.fired) == (AlertState.FIRING, NOW, NOW)


def test_an_alert_whose_rule_was_removed_is_resolved_and_a_pending_one_forgotten() -> None:
    fires = Instance(KEY, AlertState.FIRING, since=NOW, fired=NOW)
    (ended,) = evaluate([], [fires], READINGS["wrong"], at(30))
    assert ended.state == AlertState.RESOLVED
    assert evaluate([], [Instance(KEY, AlertState.PENDING, since=NOW)], READINGS["wrong"], at(30)) == []


def test_a_clock_that_jumps_back_neither_ends_nor_begins_an_alert() -> None:
    pending = Instance(KEY, AlertState.PENDING, since=NOW)
    fires = Instance(KEY, AlertState.FIRING, since=NOW, fired=NOW, clear_since=NOW, told=NOW)
    (waits,) = evaluate([RULE], [pending], READINGS["wrong"], at(-86_400))
    assert (waits.state, waits.since) == (AlertState.PENDING, at(-86_400))
    (later,) = evaluate([RULE], [waits], READINGS["wrong"], at(-86_400 + 60))
    assert later.state == AlertState.FIRING, "it waits its time anew, not until the clock has caught up"
    (clearing,) = evaluate([RULE], [fires], READINGS["right"], at(-86_400))
    assert (clearing.state, clearing.told) == (AlertState.FIRING, at(-86_400))
    (ended,) = evaluate([RULE], [clearing], READINGS["right"], at(-86_400 + 120))
    assert ended.state == AlertState.RESOLVED
