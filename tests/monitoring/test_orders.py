"""Releases steered by hand: each order against each stage, with what the registry keeps of it."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta

import pytest
from stub_bundle import retrained, scramble
from stub_site import SINCE, WINDOW, StubSite

from homefeed.registry import RegistryError, Stage, open_registry
from homefeed.verdict import Check, Verdict
from monitoring import orders, rollout
from monitoring.orders import pause, promote, resume, roll_back
from monitoring.rollout import RolloutError, step, step_all

pytestmark = pytest.mark.usefixtures("without_evidently")
IN_ROLLOUT = (Stage.SHADOW, Stage.CANARY, Stage.RAMP)
NEXT = {Stage.SHADOW: Stage.CANARY, Stage.CANARY: Stage.RAMP, Stage.RAMP: Stage.LIVE}
LATER = SINCE + timedelta(hours=1)


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[Verdict], None]:
    """`says(verdict)`: every look of the gates ends with it."""

    def answer(verdict: Verdict) -> None:
        for module in (rollout, orders):
            monkeypatch.setattr(
                module, "run_gates", lambda *_: [Check("arranged", verdict, detail="so it was arranged")]
            )

    return answer


@pytest.mark.parametrize("stage", IN_ROLLOUT)
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize("is_alerted", [False, True])
def test_product_of_stage_verdict_and_hold_on_the_registry(
    site: StubSite, says: Callable[[Verdict], None], stage: Stage, verdict: Verdict, is_paused: bool, is_alerted: bool
) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", stage)
    says(verdict)
    if is_paused:
        pause(site.settings, "r2", "ann", "we look first", SINCE)
    if is_alerted:
        fire(site)
    moved = step(site.settings, "r2", WINDOW, LATER)
    if verdict is Verdict.FAIL:
        assert moved == Stage.ROLLED_BACK
    elif verdict is Verdict.PASS and not is_paused and not is_alerted:
        assert moved == (Stage.LIVE if stage == Stage.RAMP else NEXT[stage])
    else:
        assert moved == stage
    reason = site.registry.transitions("r2")[-1].reason
    assert ("paused by ann" in reason) == (is_paused and verdict is Verdict.PASS)
    assert ("pages are empty" in reason) == (is_alerted and verdict is Verdict.PASS)


def fire(site: StubSite) -> None:
    """An alert of page severity fires."""
    columns = {
        "rule": "empty",
        "labels": {},
        "severity": "page",
        "holds": True,
        "state": "firing",
        "since": SINCE,
        "fired": SINCE,
        "content": {"summary": "pages are empty"},
    }
    assert site.registry.alerts.commit("test", SINCE, 0, [columns], [], [])


def test_an_alert_does_not_hold_the_first_release(site: StubSite) -> None:
    site.add("r1")
    fire(site)
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.LIVE


@pytest.mark.parametrize("stage", Stage)
def test_only_a_release_in_rollout_can_be_paused_and_it_goes_on_when_resumed(
    site: StubSite, says: Callable[[Verdict], None], stage: Stage
) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", stage)
    says(Verdict.PASS)
    if stage not in IN_ROLLOUT:
        with pytest.raises(RegistryError, match="only a release in shadow, canary or ramp can be paused"):
            pause(site.settings, "r2", "ann", "why", SINCE)
        return
    assert pause(site.settings, "r2", "ann", "why", SINCE).stage == stage
    with pytest.raises(RegistryError, match="is paused since .* by ann: why"):
        pause(site.settings, "r2", "bob", "again", SINCE)
    assert step_all(site.settings, WINDOW)["r2"] == stage
    resume(site.settings, "r2", "bob", "it was a bot", LATER)
    assert step(site.settings, "r2", WINDOW, LATER) == NEXT[stage]
    (hold,) = site.registry.holds("r2")
    assert (hold.who, hold.reason, hold.ended_by, hold.ended_reason) == ("ann", "why", "bob", "it was a bot")
    with pytest.raises(RegistryError, match="r2 is not paused"):
        resume(site.settings, "r2", "bob", "twice", LATER)


def test_a_paused_release_is_not_overtaken_and_its_hold_ends_when_a_gate_rolls_it_back(
    site: StubSite, says: Callable[[Verdict], None]
) -> None:
    for release, stage in (("r1", Stage.LIVE), ("r2", Stage.SHADOW), ("r3", Stage.SHADOW)):
        site.add(release, stage)
    pause(site.settings, "r2", "ann", "we look first", SINCE)
    says(Verdict.WAIT)
    assert step_all(site.settings, WINDOW)["r2"] == Stage.SHADOW
    says(Verdict.FAIL)
    assert step(site.settings, "r2", WINDOW, LATER) == Stage.ROLLED_BACK
    assert site.registry.holds() == []
    assert site.registry.holds("r2")[0].ended_reason == "it is rolled_back"


def test_a_pause_between_the_look_and_the_move_wins(
    site: StubSite, says: Callable[[Verdict], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.CANARY)
    says(Verdict.PASS)
    pause(site.settings, "r2", "ann", "just in time", SINCE)
    monkeypatch.setattr(rollout, "holders", lambda *_: [])
    with pytest.raises(RegistryError, match="was paused meanwhile"):
        step(site.settings, "r2", WINDOW, LATER)
    assert site.registry.release("r2").stage == Stage.CANARY


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("is_forced", [False, True])
def test_promotion_by_hand(
    site: StubSite, says: Callable[[Verdict], None], stage: Stage, verdict: Verdict, is_forced: bool
) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", stage)
    says(verdict)
    if stage not in NEXT:
        with pytest.raises(RolloutError, match="no stage to promote it to"):
            promote(site.settings, "r2", "ann", "why", SINCE, is_forced=is_forced)
    elif verdict is not Verdict.PASS and not is_forced:
        with pytest.raises(RolloutError, match=r"stays in .*\n.*so it was arranged\n.*--force"):
            promote(site.settings, "r2", "ann", "why", SINCE)
        assert site.registry.release("r2").stage == stage
    else:
        assert promote(site.settings, "r2", "ann", "why", SINCE, is_forced=is_forced).stage == NEXT[stage]
        kept = site.registry.transitions("r2")[-1]
        assert (kept.who, kept.reason, kept.at) == ("ann", "why", SINCE)
        assert any(check["name"] == "forced" for check in kept.checks) == (verdict is not Verdict.PASS)


def test_a_paused_release_is_promoted_by_force_alone_and_stays_paused(
    site: StubSite, says: Callable[[Verdict], None]
) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2")
    says(Verdict.PASS)
    pause(site.settings, "r2", "ann", "we look first", SINCE)
    with pytest.raises(RolloutError, match="paused by ann"):
        promote(site.settings, "r2", "bob", "hurry", SINCE)
    assert promote(site.settings, "r2", "bob", "hurry", SINCE, is_forced=True).stage == Stage.CANARY
    assert [hold.release for hold in site.registry.holds()] == ["r2"]


def test_promotion_asks_the_real_gates(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", spoil=scramble)
    site.add("r3", spoil=retrained)
    with pytest.raises(RolloutError, match="ne_live fails"):
        promote(site.settings, "r2", "ann", "why", SINCE)
    with pytest.raises(RolloutError, match="shadow_errors waits"):
        promote(site.settings, "r3", "ann", "why", SINCE)


@pytest.mark.parametrize("stage", Stage)
def test_rollback_by_hand_of_each_stage(site: StubSite, stage: Stage) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", stage)
    if stage in (Stage.RETIRED, Stage.ROLLED_BACK):
        with pytest.raises(RolloutError, match="answers nobody"):
            roll_back(site.settings, "r2", "ann", "empty pages", SINCE)
        return
    done, live = roll_back(site.settings, "r2", "ann", "empty pages", SINCE)
    assert (done.stage, live.id) == (Stage.ROLLED_BACK, "r1")
    kept = site.registry.transitions("r2")[-1]
    assert (kept.who, kept.reason, kept.verdict) == ("ann", "empty pages", "fail")


def test_rollback_without_a_name_takes_the_live_one_and_goes_back_as_far_as_there_is_something(site: StubSite) -> None:
    with pytest.raises(RolloutError, match="nothing is live"):
        roll_back(site.settings, None, "ann", "why", SINCE)
    for release in ("r1", "r2", "r3"):
        site.add(release, Stage.LIVE)
    assert [roll_back(site.settings, None, "ann", "why", SINCE)[1].id for _ in range(2)] == ["r2", "r1"]
    with pytest.raises(RolloutError, match="nothing was live before r1"):
        roll_back(site.settings, None, "ann", "why", SINCE)
    done, live = roll_back(site.settings, None, "ann", "why", SINCE, is_forced=True)
    assert (done.id, live) == ("r1", None)


def test_orders_want_a_reason_and_a_known_release(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    for order in (pause, resume, promote, roll_back):
        with pytest.raises(RolloutError, match="there is no release 'r9'"):
            order(site.settings, "r9", "ann", "why", SINCE)
        with pytest.raises(RolloutError, match="needs a reason"):
            order(site.settings, "r1", "ann", " ", SINCE)


def test_an_order_on_a_locked_registry_changes_nothing_and_says_who_to_look_for(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.CANARY)
    file = site.settings.var / "registry.db"
    with sqlite3.connect(file) as holder:
        holder.execute("BEGIN IMMEDIATE")
        impatient = open_registry(site.settings.resolved_registry_url, patience_s=0.05)
        with pytest.raises(RegistryError, match=r"registry\.db cannot be used \(database is locked\)"):
            impatient.hold("r2", SINCE, "ann", "why")
        assert impatient.live().id == "r1", "readers do not wait for writers"
        holder.rollback()
    assert site.registry.holds() == []


def test_a_move_whose_stage_was_left_meanwhile_changes_nothing(site: StubSite) -> None:
    site.add("r1", Stage.CANARY)
    site.registry.move("r1", Stage.ROLLED_BACK, SINCE, [])
    with pytest.raises(RegistryError, match="from canary to rolled_back meanwhile"):
        site.registry.move("r1", Stage.RAMP, SINCE, [], expected=Stage.CANARY)
    assert len(site.registry.transitions("r1")) == 2
