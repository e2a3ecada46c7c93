"""What a run works on: all events of a collapsed run, the headless runner's configuration, or an operator's."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset

from dags.assets import EVENTS, TRAINING_HOUR
from dags.references import ReferenceError, collected, newest, references, scheduled_window


def _context(conf: dict[str, Any] | None = None, **events: list[dict[str, Any]]) -> dict[str, Any]:
    triggering = {
        Asset(name=name, uri=f"test://{name}"): [SimpleNamespace(extra=extra) for extra in extras]
        for name, extras in events.items()
    }
    return {"dag_run": SimpleNamespace(conf=conf), "triggering_asset_events": triggering}


def test_a_collapsed_run_takes_every_event() -> None:
    context = _context(events=[{"touched": ["20261123T2210Z"]}, {"touched": ["20261123T2200Z", "20261123T2210Z"]}])
    assert collected(context, EVENTS, "touched") == ["20261123T2200Z", "20261123T2210Z"]


def test_of_two_hours_the_newer_counts() -> None:
    context = _context(training_hour=[{"window": "20261123T2250Z"}, {"window": "20261123T2150Z"}])
    assert newest(context, TRAINING_HOUR, "window") == {"window": "20261123T2250Z"}


def test_events_of_other_assets_do_not_count() -> None:
    with pytest.raises(ReferenceError, match="without any training_hour"):
        references(_context(events=[{"window": "20261123T2250Z"}]), TRAINING_HOUR, "window")


def test_headless_and_by_hand() -> None:
    headless = _context({"events": {"training_hour": [{"window": "20261123T2250Z"}]}})
    by_hand = _context({"window": "20261123T2250Z"})
    assert newest(headless, TRAINING_HOUR, "window") == newest(by_hand, TRAINING_HOUR, "window")


def test_a_run_of_the_clock_takes_the_window_that_began_with_its_interval() -> None:
    start = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)
    assert scheduled_window(_context(), start) == "20261123T2210Z"
    assert scheduled_window(_context({"window": "20261123T2150Z"}), start) == "20261123T2150Z"
    with pytest.raises(ReferenceError, match="by hand"):
        scheduled_window(_context(), None)
