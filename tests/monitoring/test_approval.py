"""A canary that a person has to approve: asked once the evidence is complete, answered or not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from stub_site import SINCE, WINDOW, StubSite

from homefeed.registry import Stage
from homefeed.settings import Settings
from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring import orders, rollout
from monitoring.alerts.sources.releases import releases
from monitoring.orders import approve, pause, promote, resume
from monitoring.rollout import RolloutError, step

HOUR = timedelta(hours=1)
Says = Callable[[Verdict], None]


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Says:
    """`says(verdict)`: every look of the gates ends with it."""

    def answer(verdict: Verdict) -> None:
        for module in (rollout, orders):
            monkeypatch.setattr(module, "run_gates", lambda *_: [Check("online", verdict)])

    return answer


@pytest.fixture
def asking(site: StubSite, says: Says) -> Settings:
    """Settings that ask for an answer within two hours; r1 is live, r2 in canary, and every gate passes."""
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.CANARY)
    says(Verdict.PASS)
    return site.settings.model_copy(update={"rollout": RolloutSettings(approval=True, approval_timeout_s=7200)})


def test_nobody_is_asked_by_default_nor_while_nothing_is_live(site: StubSite, says: Says) -> None:
    site.add("r2", Stage.CANARY)
    says(Verdict.PASS)
    asks = site.settings.model_copy(update={"rollout": RolloutSettings(approval=True)})
    assert step(asks, "r2", WINDOW, SINCE + HOUR) == Stage.LIVE
    site.add("r3", Stage.CANARY)
    assert step(site.settings, "r3", WINDOW, SINCE + HOUR) == Stage.RAMP


def test_a_yes_lets_it_go_on_and_is_kept(site: StubSite, asking: Settings) -> None:
    assert step(asking, "r2", WINDOW, SINCE + HOUR) == Stage.CANARY
    assert site.registry.transitions("r2")[-1].reason == "waits for: approval"
    approve(asking, "r2", "ann", "looked at the slices", SINCE + 2 * HOUR)
    with pytest.raises(RolloutError, match="approved by ann already: looked at the slices"):
        approve(asking, "r2", "bob", "me too", SINCE + 2 * HOUR)
    assert step(asking, "r2", WINDOW, SINCE + 9 * HOUR) == Stage.RAMP
    move, _ = site.registry.transitions("r2")[-2:]
    (asked,) = [c for c in move.checks if c["name"] == "approval"]
    assert (asked["verdict"], asked["detail"]) == ("pass", "approved by ann: looked at the slices")


def test_no_answer_is_a_no(site: StubSite, asking: Settings) -> None:
    step(asking, "r2", WINDOW, SINCE + HOUR)
    assert step(asking, "r2", WINDOW, SINCE + 3 * HOUR) == Stage.CANARY
    assert step(asking, "r2", WINDOW, SINCE + 3 * HOUR + timedelta(seconds=1)) == Stage.ROLLED_BACK
    assert "nobody answered in 2 h" in site.registry.transitions("r2")[-1].checks[-1]["detail"]


def test_it_is_asked_only_on_complete_evidence(site: StubSite, asking: Settings, says: Says) -> None:
    with pytest.raises(RolloutError, match="no gate has looked at it"):
        approve(asking, "r2", "ann", "early", SINCE)
    step(asking, "r2", WINDOW, SINCE + HOUR)
    says(Verdict.WAIT)
    step(asking, "r2", WINDOW, SINCE + 2 * HOUR)
    with pytest.raises(RolloutError, match="waits for: online, approval"):
        approve(asking, "r2", "ann", "early", SINCE + 2 * HOUR)
    says(Verdict.PASS)
    # The evidence was incomplete in between, so the two hours begin anew.
    step(asking, "r2", WINDOW, SINCE + 4 * HOUR)
    assert step(asking, "r2", WINDOW, SINCE + 6 * HOUR) == Stage.CANARY
    # A yes is no way around a gate that fails.
    approve(asking, "r2", "ann", "looked at it", SINCE + 6 * HOUR)
    says(Verdict.FAIL)
    assert step(asking, "r2", WINDOW, SINCE + 7 * HOUR) == Stage.ROLLED_BACK


def test_the_time_to_answer_stands_still_while_it_is_paused(site: StubSite, asking: Settings) -> None:
    step(asking, "r2", WINDOW, SINCE + HOUR)
    pause(asking, "r2", "ann", "we look first", SINCE + 2 * HOUR)
    assert step(asking, "r2", WINDOW, SINCE + 9 * HOUR) == Stage.CANARY
    resume(asking, "r2", "ann", "looked", SINCE + 10 * HOUR)
    assert step(asking, "r2", WINDOW, SINCE + 12 * HOUR) == Stage.CANARY
    assert step(asking, "r2", WINDOW, SINCE + 12 * HOUR + timedelta(seconds=1)) == Stage.ROLLED_BACK


def test_who_promotes_by_hand_has_approved(site: StubSite, asking: Settings) -> None:
    step(asking, "r2", WINDOW, SINCE + HOUR)
    assert promote(asking, "r2", "ann", "compared by hand", SINCE + HOUR).stage == Stage.RAMP
    with pytest.raises(RolloutError, match="r2 is ramp: only a release in canary"):
        approve(asking, "r2", "ann", "late", SINCE + HOUR)


def test_an_approval_that_nobody_asks_for_is_refused(site: StubSite, asking: Settings) -> None:
    with pytest.raises(RolloutError, match="HOMEFEED_ROLLOUT__APPROVAL=true"):
        approve(site.settings, "r2", "ann", "why", SINCE)
    with pytest.raises(RolloutError, match="needs a reason"):
        approve(asking, "r2", "ann", " ", SINCE)
    with pytest.raises(RolloutError, match="there is no release 'r9'"):
        approve(asking, "r9", "ann", "why", SINCE)


def test_people_are_told_from_the_first_moment_until_it_is_answered(site: StubSite, asking: Settings) -> None:
    def asked() -> list[float | None]:
        found = releases(asking, site.registry, SINCE + 2 * HOUR)
        return [m.value for m in found if m.measure == "approvals_asked"]

    assert asked() == []
    step(asking, "r2", WINDOW, SINCE + HOUR)
    assert asked() == [1]
    approve(asking, "r2", "ann", "looked at it", SINCE + 2 * HOUR)
    assert asked() == []
