"""The outbox: nothing is lost while a sink is down, order is kept, and a sink that fails is told by the others."""

from datetime import timedelta

import pytest
from stub_desk import NOW, Desk, StubSink, length, rule

from homefeed.registry import Registry
from monitoring.alerts.message import subject
from monitoring.alerts.outbox import deliver
from monitoring.alerts.rules import load_rules
from monitoring.alerts.sinks import RefusedError, SinkError
from monitoring.alerts.sources.messages import messages


def test_a_sink_that_is_down_for_an_hour_gets_everything_in_order(desk: Desk, sink: StubSink) -> None:
    sink.error = SinkError("connection refused")
    for i in range(121):
        desk.look(length(11 if i % 40 < 20 else 3), after_s=30)
    assert sink.told == []
    assert len(desk.registry.alerts.outbox()) == 7
    sink.error = None
    desk.look(length(11), after_s=desk.settings.alerts.max_backoff_s)
    assert [told["status"] for told in sink.told] == ["firing", "resolved"] * 3 + ["firing"]
    assert desk.registry.alerts.outbox() == []


def test_the_wait_doubles_up_to_its_limit(desk: Desk, sink: StubSink) -> None:
    sink.error = SinkError("connection refused")
    desk.look(length(11))
    tried = []
    for second in range(1, 1200):
        deliver(desk.settings, desk.registry.alerts, desk.sinks, NOW + timedelta(seconds=second))
        (waiting,) = desk.registry.alerts.outbox()
        if waiting.attempts > len(tried) + 1:
            tried.append(second)
    assert tried == [15, 45, 105, 225, 465, 765, 1065]


def test_a_sink_that_is_down_holds_up_no_other(desk: Desk, sink: StubSink) -> None:
    broken = StubSink(error=SinkError("no route"))
    desk.sinks = {"a_broken": broken, "stub": sink, "z_odd": StubSink(error=ZeroDivisionError("odd"))}
    desk.look(length(11))
    assert len(sink.told) == 1
    assert {row.sink: row.error for row in desk.registry.alerts.outbox()} == {
        "a_broken": "SinkError: no route",
        "z_odd": "ZeroDivisionError: odd",
    }


def test_a_sink_that_fails_is_alerted_by_the_others_and_the_end_of_it_too(desk: Desk, sink: StubSink) -> None:
    broken = StubSink(error=SinkError("no route"))
    desk.sinks = {"broken": broken, "stub": sink}
    desk.rules = (rule(), *(r for r in load_rules() if r.name in ("sink_failing", "messages_refused")))
    for i in range(14):
        desk.look(length(11), *messages(desk.settings, desk.registry, desk.now), after_s=30 if i else 0)
    assert [subject(told) for told in sink.told] == [
        "[PAGE] FIRING: The queue of a holds 11, over 10.",
        "[TICKET] FIRING: The sink broken has not taken a message for 5.5 min.",
    ]
    assert "no route" in sink.told[1]["alerts"][0]["done"]
    broken.error = None
    for _ in range(12):
        desk.look(length(11), *messages(desk.settings, desk.registry, desk.now), after_s=30)
    assert sink.told[2]["status"] == "resolved"
    assert [told["status"] for told in broken.told] == ["firing", "firing", "resolved"]


def test_a_message_that_is_refused_for_what_it_says_holds_up_nothing_and_is_alerted(desk: Desk, sink: StubSink) -> None:
    picky = StubSink(error=RefusedError("422: no such channel"))
    desk.sinks = {"picky": picky, "stub": sink}
    desk.rules = (rule(), *(r for r in load_rules() if r.name == "messages_refused"))
    desk.look(length(11))
    assert desk.registry.alerts.outbox() == []
    desk.look(length(11), *messages(desk.settings, desk.registry, desk.now), after_s=30)
    assert "The sink picky refused 1 messages" in subject(sink.told[1])


def test_messages_of_a_sink_that_was_taken_out_are_refused_with_the_reason(desk: Desk, sink: StubSink) -> None:
    sink.error = SinkError("down")
    desk.look(length(11))
    desk.sinks = {}
    desk.look(length(11), after_s=30)
    (refused,) = desk.registry.alerts.refused_since(NOW)
    assert "no sink stub is configured" in refused.error


def test_of_two_deliverers_at_once_one_sends(registry: Registry, desk: Desk, sink: StubSink) -> None:
    sink.error = SinkError("down")
    desk.look(length(11))
    (row,) = registry.alerts.outbox()
    assert registry.alerts.claim(row, NOW)
    assert not registry.alerts.claim(row, NOW), "the attempt is taken"


def test_a_message_whose_deliverer_died_is_tried_again(desk: Desk, sink: StubSink) -> None:
    sink.error = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        desk.look(length(11))
    sink.error = None
    desk.look(length(11), after_s=30)
    assert len(sink.told) == 1


def test_a_clock_that_was_set_back_by_a_day_delays_no_message(desk: Desk, sink: StubSink) -> None:
    sink.error = SinkError("down")
    desk.look(length(11))
    sink.error = None
    desk.look(length(11), after_s=-86_400)
    assert len(sink.told) == 1


def test_a_sink_that_forgets_is_told_again_of_what_fires_and_a_failure_of_that_is_seen(desk: Desk) -> None:
    forgetful = StubSink(forgets=True)
    desk.sinks = {"forgetful": forgetful}
    desk.look(length(11))
    desk.look(length(11), after_s=30)
    assert [told["group"] for told in forgetful.told] == ["queue_long", "refresh"]
    forgetful.error = SinkError("down")
    desk.look(length(11), after_s=30)
    desk.look(length(11), after_s=1)
    assert [row.attempts for row in desk.registry.alerts.outbox()] == [1], "one waits, no matter how often it is due"
    desk.look(length(3), after_s=1)
    forgetful.error = None
    desk.look(length(3), after_s=300)
    assert [told["group"] for told in forgetful.told][2:] == ["refresh", "queue_long"]


def test_delivered_messages_are_forgotten_after_a_while_and_waiting_ones_never(desk: Desk, sink: StubSink) -> None:
    desk.look(length(11))
    sink.error = SinkError("down")
    desk.look(length(3), after_s=30)
    desk.registry.alerts.prune(desk.now + timedelta(days=400))
    assert [row.message["status"] for row in desk.registry.alerts.outbox()] == ["resolved"]
