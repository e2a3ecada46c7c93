"""The orders of the page's forms: each against a registry, with who gave it and why."""

from datetime import timedelta

import pytest
from stub_console import NOW

from homefeed.errors import HomefeedError
from homefeed.registry import Stage
from monitoring.alerts.message import is_silenced
from monitoring.console.desk import Desk
from monitoring.console.forms import LABELS
from monitoring.console.orders import _ORDERS, give, promoted

CANARY = {"release": "r3", "stage": "canary", "reason": "we look first"}


def test_every_button_has_its_order() -> None:
    assert set(LABELS) == set(_ORDERS)


def test_a_release_is_paused_and_resumed(desk: Desk) -> None:
    assert "r3 is paused" in give(desk.settings, {"order": "pause", **CANARY}, "ann", NOW)
    (hold,) = desk.registry.holds()
    assert (hold.release, hold.who, hold.reason) == ("r3", "ann", "we look first")
    assert "r3 goes on" in give(desk.settings, {"order": "resume", **CANARY}, "bob", NOW)
    assert desk.registry.holds() == []


def test_the_live_release_is_rolled_back_once_however_often_the_form_is_sent(desk: Desk) -> None:
    form = {"order": "roll_back", "release": "r2", "stage": "live", "reason": "empty pages"}
    assert "r2 is rolled back; r1 is live" in give(desk.settings, form, "ann", NOW)
    with pytest.raises(HomefeedError, match="r2 has gone from live to rolled_back since the page was opened"):
        give(desk.settings, form, "ann", NOW)
    live = desk.registry.live()
    assert live is not None
    assert live.id == "r1"


@pytest.mark.slow
def test_a_promotion_asks_the_gates_and_force_is_kept(desk: Desk) -> None:
    form = {"order": "promote", **CANARY}
    with pytest.raises(HomefeedError, match=r"r3 stays in canary:\n.* waits: "):
        give(desk.settings, form, "ann", NOW)
    # The first one went to a process of its own, with its refusal; another would only take time.
    assert promoted(desk.settings, "r3", "ann", "hurry", NOW, True) == "ramp"
    last = desk.registry.transitions("r3")[-1]
    assert (last.who, last.to_stage) == ("ann", Stage.RAMP)
    assert "promoted by ann over:" in last.checks[-1]["detail"]
    with pytest.raises(HomefeedError, match="r3 has gone from canary to ramp"):
        give(desk.settings, form | {"force": "1"}, "ann", NOW)


def test_an_approval_that_nobody_asks_for_is_refused(desk: Desk) -> None:
    with pytest.raises(HomefeedError, match="no approval is asked for"):
        give(desk.settings, {"order": "approve", **CANARY}, "ann", NOW)


def test_one_alert_is_silenced_and_heard_again(desk: Desk) -> None:
    form = {"order": "silence", "rule": "task_failed", "label-task": "train[0]", "lasting": "2h", "reason": "known"}
    assert "until 2026-11-25 00:05 UTC" in give(desk.settings, form, "ann", NOW)
    (row,) = desk.registry.alerts.silences(NOW)
    assert (row.who, row.reason, row.until) == ("ann", "known", NOW + timedelta(hours=2))
    for task, expected in (("train[0]", True), ("train0", False)):
        assert is_silenced("task_failed", "ticket", {"task": task}, [row]) is expected
    assert "has ended" in give(desk.settings, {"order": "end_silence", "silence": str(row.id)}, "ann", NOW)
    assert desk.registry.alerts.silences(NOW) == []


def test_an_alert_is_resolved(desk: Desk) -> None:
    (alert, *_) = desk.alerts
    form = {"order": "resolve", "alert": str(alert.id), "reason": "made room"}
    assert f"({alert.rule}) is resolved" in give(desk.settings, form, "ann", NOW)
    with pytest.raises(HomefeedError, match="cannot be resolved: it is resolved"):
        give(desk.settings, form, "ann", NOW)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "without 'order'"),
        ({"order": "explode"}, "there is no order 'explode'; orders are pause"),
        ({"order": "pause", "reason": "x"}, "without 'release'"),
        ({"order": "pause", "release": "r3", "reason": "x"}, "without 'stage'"),
        ({"order": "pause", "release": "r9", "stage": "canary", "reason": "x"}, "there is no release 'r9'"),
        ({"order": "pause", "release": "r3", "stage": "ramp", "reason": "x"}, "gone from ramp to canary"),
        ({"order": "pause", **CANARY, "reason": "  "}, "needs a reason"),
        ({"order": "silence", "rule": "task_failed", "lasting": "2h"}, "needs a reason"),
        ({"order": "silence", "rule": "nothing", "lasting": "2h", "reason": "x"}, "no rule is named 'nothing'"),
        ({"order": "silence", "rule": "task_failed", "lasting": "40d", "reason": "x"}, "longer than 30 days"),
        ({"order": "end_silence", "silence": "x"}, "the id of a silence"),
        ({"order": "resolve", "alert": "x", "reason": "x"}, "by its id"),
        ({"order": "resolve", "alert": "99", "reason": "x"}, "there is no such alert"),
    ],
)
def test_a_form_that_orders_nothing_says_what_to_do(desk: Desk, form: dict[str, str], message: str) -> None:
    with pytest.raises(HomefeedError, match=message):
        give(desk.settings, form, "ann", NOW)
    assert desk.registry.holds() == []
