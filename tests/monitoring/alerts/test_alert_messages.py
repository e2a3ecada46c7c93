"""Who is told what and when: groups, repetition, silences, alerts closed by hand, and two evaluations at once."""

from datetime import timedelta

import pytest
from stub_desk import NOW, Desk, StubSink, length, rule

from homefeed.registry import AlertState, RegistryError
from monitoring.alerts.evaluation import evaluate_now
from monitoring.alerts.message import quantity, subject, text
from monitoring.alerts.reading import Measurement, Reading


def test_nothing_measured_and_nothing_wrong_tell_nobody(desk: Desk, sink: StubSink) -> None:
    desk.look()
    desk.look(length(3))
    assert sink.told == []
    assert desk.open() == []


def test_an_alert_says_everything_that_a_person_needs_at_night(desk: Desk, sink: StubSink) -> None:
    desk.rules = (rule(unit="s", for_s=60, bound=600, commands=["homefeed release show {name}"]),)
    desk.look(length(840))
    desk.look(Measurement("length", {"name": "a"}, 900.0, evidence="var/reports/x.html"), after_s=60)
    (told,) = sink.told
    assert subject(told) == "[PAGE] FIRING: The queue of a holds 15.0 min, over 10.0 min."
    said = text(told)
    for part in (
        "FIRING - queue_long name=a",
        "what      The queue of a holds 15.0 min",
        "since     2026-11-24 22:00 UTC, for 60 s",
        "value     15.0 min; above 10.0 min is wrong",
        "affected  Whoever waits in it.",
        "done      Nothing. Promotions are held while it fires.",
        "report    var/reports/x.html",
        "do        docs/runbook.md#queue-long  (owner: data)",
        "$ homefeed release show a",
    ):
        assert part in said


def test_what_the_measurement_knows_better_replaces_the_words_of_the_rule(desk: Desk, sink: StubSink) -> None:
    desk.rules = (rule(severity="ticket"),)
    desk.look(Measurement("length", {"name": "a"}, 11.0, affected="12 % of the viewers.", done="Rolled back."))
    assert (sink.told[0]["alerts"][0]["affected"], sink.told[0]["alerts"][0]["done"]) == (
        "12 % of the viewers.",
        "Rolled back.",
    )


def test_alerts_of_one_group_are_one_message_and_the_same_alert_is_told_once(desk: Desk, sink: StubSink) -> None:
    desk.rules = (rule(group="queues"), rule(name="queue_huge", bound=100, group="queues"))
    desk.look(length(11, "a"), length(101, "b"))
    assert [len(told["alerts"]) for told in sink.told] == [3]
    for _ in range(5):
        desk.look(length(12, "a"), length(102, "b"), after_s=30)
    assert len(sink.told) == 1
    desk.look(length(12, "a"), length(102, "b"), length(11, "c"), after_s=30)
    assert [alert["labels"]["name"] for alert in sink.told[1]["alerts"]] == ["c", "a", "b", "b"]


def test_an_alert_that_still_fires_is_told_again_and_its_end_once(desk: Desk, sink: StubSink) -> None:
    desk.look(length(11))
    desk.look(length(11), after_s=desk.settings.alerts.repeat_s - 1)
    assert len(sink.told) == 1
    desk.look(length(11), after_s=1)
    assert len(sink.told) == 2
    desk.look(length(3), after_s=30)
    desk.look(length(3), after_s=30)
    assert [told["status"] for told in sink.told] == ["firing", "firing", "resolved"]
    assert "RESOLVED - queue_long" in text(sink.told[-1])
    assert desk.open() == []


def test_a_new_beginning_is_a_new_alert(desk: Desk) -> None:
    desk.look(length(11))
    desk.look(length(3), after_s=30)
    desk.look(length(11), after_s=30)
    assert [row.state for row in desk.registry.alerts.newest()] == [AlertState.FIRING, AlertState.RESOLVED]


def test_a_pending_alert_that_never_fires_leaves_no_trace(desk: Desk, sink: StubSink) -> None:
    desk.rules = (rule(for_s=60),)
    desk.look(length(11))
    assert [row.state for row in desk.open()] == [AlertState.PENDING]
    desk.look(length(3), after_s=30)
    assert (desk.open(), desk.registry.alerts.newest(), sink.told) == ([], [], [])


@pytest.mark.parametrize(
    ("matcher", "is_silenced"),
    [
        ({}, True),
        ({"rule": "queue_*"}, True),
        ({"rule": "queue_long", "name": "a"}, True),
        ({"rule": "queue_long", "name": "b"}, False),
        ({"severity": "ticket"}, False),
        ({"colour": "*"}, False),
    ],
)
def test_a_silence_matches_by_rule_severity_and_labels(
    desk: Desk, sink: StubSink, matcher: dict[str, str], is_silenced: bool
) -> None:
    desk.registry.alerts.silence(matcher, NOW, NOW + timedelta(hours=1), "ann", "known")
    desk.look(length(11))
    assert (sink.told == []) == is_silenced
    assert [alert.rule for alert in desk.registry.alerts.holding()] == ["queue_long"], "a silence lets nothing through"


def test_an_alert_that_outlives_its_silence_is_told_and_one_that_does_not_never(desk: Desk, sink: StubSink) -> None:
    desk.registry.alerts.silence({"name": "*"}, NOW, NOW + timedelta(minutes=10), "ann", "known")
    desk.look(length(11, "a"), length(11, "b"))
    desk.look(length(11, "a"), length(3, "b"), after_s=300)
    assert sink.told == []
    desk.look(length(11, "a"), length(3, "b"), after_s=300)
    assert [alert["labels"]["name"] for told in sink.told for alert in told["alerts"]] == ["a"]


def test_a_silence_that_is_ended_by_hand_ends_at_once(desk: Desk, sink: StubSink) -> None:
    silence = desk.registry.alerts.silence({}, NOW, NOW + timedelta(hours=1), "ann", "known")
    desk.look(length(11))
    desk.registry.alerts.end_silence(silence.id, NOW)
    with pytest.raises(RegistryError, match="no silence 1 is in force"):
        desk.registry.alerts.end_silence(silence.id, NOW)
    desk.look(length(11), after_s=30)
    assert len(sink.told) == 1


def test_an_alert_closed_by_hand_is_told_and_begins_anew_while_its_cause_is_there(desk: Desk, sink: StubSink) -> None:
    desk.rules = (rule(for_s=60),)
    desk.look(length(11))
    desk.look(length(11), after_s=60)
    (alert,) = desk.open()
    desk.registry.alerts.close(alert.id, desk.now, "ann", "mended")
    assert desk.registry.alerts.holding() == []
    with pytest.raises(RegistryError, match="alert 1 cannot be resolved: it is resolved"):
        desk.registry.alerts.close(alert.id, desk.now, "ann", "again")
    with pytest.raises(RegistryError, match="alert 9 cannot be resolved: there is no such alert"):
        desk.registry.alerts.close(9, desk.now, "ann", "what")
    desk.look(length(11), after_s=30)
    assert "RESOLVED by ann: mended" in text(sink.told[1])
    assert [row.state for row in desk.open()] == [AlertState.PENDING]
    desk.look(length(11), after_s=60)
    assert [told["status"] for told in sink.told] == ["firing", "resolved", "firing"]


def test_of_two_evaluations_at_once_one_counts_and_nothing_is_told_twice(desk: Desk, sink: StubSink) -> None:
    class Slow(Reading):
        """Another evaluation comes in while this one reads."""

        @property
        def measurements(self) -> list[Measurement]:  # type: ignore[override]
            desk.look(length(11))
            return [length(11)]

        @measurements.setter
        def measurements(self, value: object) -> None: ...

    slow = object.__new__(Slow)
    object.__setattr__(slow, "unknown", frozenset())
    done = evaluate_now(desk.settings, desk.registry, desk.rules, desk.sinks, "other", NOW, slow)
    assert (done.is_stored, done.told) == (False, 0)
    assert len(sink.told) == len(desk.open()) == 1


def test_an_alert_closed_while_an_evaluation_runs_stays_closed(desk: Desk) -> None:
    desk.look(length(11))
    log = desk.registry.alerts
    seen = log.evaluation().number
    log.close(1, NOW, "ann", "mended")
    assert not log.commit("slow", NOW, seen, [], [], [])


def test_a_clock_that_was_set_back_tells_nothing_twice(desk: Desk, sink: StubSink) -> None:
    desk.look(length(11))
    for _ in range(3):
        desk.look(length(11), after_s=-3600)
    assert len(sink.told) == 1
    desk.look(length(3), after_s=30)
    assert sink.told[-1]["status"] == "resolved"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "s", "unknown"),
        (59, "s", "59 s"),
        (840, "s", "14.0 min"),
        (9000, "s", "2.5 h"),
        (200_000, "s", "2.3 days"),
        (0.0213, "share", "2.1%"),
        (1.304, "ratio", "1.30"),
        (3.0, "", "3"),
    ],
)
def test_quantities_read_well(value: float | None, unit: str, words: str) -> None:
    assert quantity(value, unit) == words
