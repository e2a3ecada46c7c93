"""The watching process: a killed scheduler, a locked registry, and failures that must not end it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from stub_desk import NOW, StubSink

from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring.alerts import watch as watching
from monitoring.alerts.message import subject
from monitoring.alerts.rules import load_rules
from monitoring.alerts.sinks import SinkError
from monitoring.alerts.watch import Watch


@pytest.fixture
def impatient(settings: Settings) -> Settings:
    """Settings with which a lock is noticed at once."""
    return settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"patience_s": 0.01})})


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another process writes to the registry and does not end."""
    with sqlite3.connect(settings.var / "registry.db") as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.rollback()


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_killed_scheduler_is_told_and_holds_promotions(
    settings: Settings, registry: Registry, sink: StubSink, go_live: Callable[..., None]
) -> None:
    go_live()
    registry.record_ingest("20261124T2150Z", 1000, 0, 0, [])
    watch = Watch(settings, load_rules(), {"stub": sink})
    seconds = 0
    while not sink.told and seconds < 3600:
        watch.once(at(seconds))
        seconds += 30
    assert seconds <= 900
    told = {alert["rule"] for alert in sink.told[0]["alerts"]}
    assert "arrivals_stale" in told
    assert "arrivals_stale" in {alert.rule for alert in registry.alerts.holding()}


def test_a_locked_registry_is_told_directly_once_and_so_is_its_end(
    impatient: Settings, registry: Registry, sink: StubSink
) -> None:
    watch = Watch(impatient, load_rules(), {"log": StubSink(), "stub": sink})
    assert watch.once(at(0)) is not None
    with locked(impatient):
        assert [watch.once(at(30 * i)) for i in range(1, 12)] == [None] * 11
        assert [subject(told) for told in sink.told] == ["[PAGE] FIRING: The registry has been unusable for 2.5 min."]
        assert "database is locked" in sink.told[0]["alerts"][0]["done"]
    assert watch.once(at(360)) is not None
    assert [told["status"] for told in sink.told] == ["firing", "resolved"]
    watch.once(at(390))
    assert len(sink.told) == 2


def test_a_lock_that_ends_soon_tells_nobody(impatient: Settings, registry: Registry, sink: StubSink) -> None:
    watch = Watch(impatient, load_rules(), {"stub": sink})
    with locked(impatient):
        watch.once(at(0))
    watch.once(at(30))
    assert sink.told == []


def test_a_sink_that_is_down_while_the_registry_is_locked_is_tried_again(
    impatient: Settings, registry: Registry, sink: StubSink
) -> None:
    watch = Watch(impatient, load_rules(), {"log": StubSink(), "stub": sink})
    sink.error = SinkError("down")
    with locked(impatient):
        for i in range(8):
            watch.once(at(30 * i))
        sink.error = None
        watch.once(at(240))
    assert [told["status"] for told in sink.told] == ["firing"]


def test_a_registry_that_cannot_be_opened_is_told_too(settings: Settings, sink: StubSink) -> None:
    settings.var.mkdir()
    (settings.var / "registry.db").write_text("this is no database, it is a sentence that is long enough " * 9)
    watch = Watch(settings, load_rules(), {"stub": sink})
    for i in range(6):
        assert watch.once(at(30 * i)) is None
    assert "cannot be opened" in sink.told[0]["alerts"][0]["done"]


def test_a_failure_of_one_evaluation_does_not_end_the_process(
    settings: Settings, sink: StubSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fast = settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"interval_s": 0.001})})
    stop, reports, clocks = threading.Event(), [], iter([ZeroDivisionError("odd"), NOW, FileNotFoundError("clock")])

    def clock() -> datetime:
        value = next(clocks, None)
        if value is None:
            stop.set()
            return NOW
        if isinstance(value, Exception):
            raise value
        return value

    Watch(fast, load_rules(), {"stub": sink}).run(clock, stop, reports.append)
    assert len(reports) == 2
    assert [r.exc_info[0] for r in caplog.records if r.exc_info and r.name == watching.__name__] == [
        ZeroDivisionError,
        FileNotFoundError,
    ]
