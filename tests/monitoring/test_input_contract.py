"""G1: the faults of the input, each found by its own check."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stub_site import WINDOW, StubSite

from homefeed import windows
from homefeed.ingest.journal import Entry, Journal
from homefeed.settings import Settings
from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring.contract import InputContractError, require_contract
from monitoring.gates.contract import contract
from monitoring.inputs import Inputs

KNOBS = RolloutSettings()
DAY = windows.span("20261123T0000Z", "20261123T2350Z")


def a_day(**changed: object) -> Inputs:
    """A day of 2,000 impressions in each window, as in each of four weeks before; a hundred events were late."""
    day = Inputs(
        windows=DAY,
        impressions=np.full(144, 2000),
        ingested=np.ones(144, bool),
        earlier=np.full((4, 144), 2000),
        copies=0,
        accepted=300_000,
        quarantined=30,
        late=100,
    )
    return replace(day, **changed)


def verdicts(inputs: Inputs) -> dict[str, str]:
    return {check.name: check.verdict.value for check in contract(inputs, KNOBS)}


def failed(inputs: Inputs) -> list[str]:
    return [name for name, verdict in verdicts(inputs).items() if verdict == "fail"]


def test_a_day_like_any_other_passes() -> None:
    assert set(verdicts(a_day()).values()) == {"pass"}


def test_nothing_at_all_waits() -> None:
    nothing = a_day(impressions=np.zeros(144, int), earlier=np.zeros((0, 144), int), accepted=0, quarantined=0, late=0)
    assert set(verdicts(nothing).values()) == {"wait"}


def test_a_young_site_waits_for_its_volume_only() -> None:
    assert verdicts(a_day(earlier=np.full((2, 144), 2000))) == verdicts(a_day()) | {"input_volume": "wait"}


def test_half_a_day_of_events_missing() -> None:
    half = np.where(np.arange(144) < 72, 2000, 0)
    assert failed(a_day(impressions=half)) == ["input_holes", "input_volume"]
    young = a_day(impressions=half, earlier=np.zeros((0, 144), int))
    assert failed(young) == ["input_holes"], "a site without earlier weeks sees it too"
    hole = next(check for check in contract(young, KNOBS) if check.name == "input_holes")
    assert (hole.value, hole.bound) == (72, 3)
    assert "20261123T1200Z..20261123T2350Z" in hole.detail


def test_a_platform_that_was_off_is_no_hole_of_the_site() -> None:
    half = np.arange(144) < 72
    off = contract(a_day(impressions=np.where(half, 2000, 0), ingested=half), KNOBS)
    assert {check.verdict for check in off} == {Verdict.PASS}
    assert "72 windows were never ingested" in off[3].detail


def test_a_site_with_few_windows_has_no_holes_to_tell() -> None:
    assert verdicts(a_day(impressions=np.where(np.arange(144) % 9, 0, 2000)))["input_holes"] == "wait"


def test_a_window_doubled() -> None:
    doubled = np.full(144, 2000)
    doubled[50] = 4000
    assert failed(a_day(impressions=doubled, copies=2000)) == ["input_copies"]


@pytest.mark.parametrize(("share", "is_failed"), [(0.71, False), (0.69, True), (1.29, False), (1.31, True)])
def test_the_volume_of_an_hour_may_differ_by_three_tenths(share: float, is_failed: bool) -> None:
    hour = np.where(np.arange(144) // 6 == 7, round(2000 * share), 2000)
    assert failed(a_day(impressions=hour)) == (["input_volume"] if is_failed else [])


def test_one_odd_week_does_not_move_the_median() -> None:
    earlier = np.full((4, 144), 2000)
    earlier[0] = 0
    assert failed(a_day(earlier=earlier)) == []


def test_late_and_broken_events() -> None:
    assert failed(a_day(late=15_001)) == ["input_late"]
    assert failed(a_day(quarantined=3_100)) == ["input_schema"]


def publish(site: StubSite, copies: int = 1) -> None:
    """Eight windows of ten impressions each, up to `WINDOW`, with their ingestion; the last one `copies` times."""
    journal = Journal(site.settings.events_path / ".journal")
    for window in windows.span(windows.shift(WINDOW, -7), WINDOW):
        row = {"window": window, "time": windows.start(window), "user": 1, "slot": 0, "request_id": window}
        num = copies if window == WINDOW else 1
        rows = [row | {"video": i, "event_id": f"{window}-{i}-{copy}"} for i in range(10) for copy in range(num)]
        site.publish("impressions", window, rows)
        site.registry.record_ingest(window, 10, 0, 0, [window])
        journal.write(Entry(window, {}, accepted=10, late=1))


def test_a_training_is_asked_for_the_contract_of_its_windows(site: StubSite) -> None:
    publish(site)
    checks = {check.name: check for check in require_contract(late_settings(site), WINDOW)}
    assert checks["input_copies"].verdict is Verdict.PASS
    assert checks["input_copies"].num_samples == 80
    assert checks["input_volume"].verdict is Verdict.WAIT, "it waits, and training goes on"
    assert checks["input_late"].value == pytest.approx(0.1)


def test_a_training_on_a_doubled_window_is_refused_with_the_reason(site: StubSite) -> None:
    publish(site, copies=2)
    with pytest.raises(InputContractError, match="no model is trained.*input_copies is 10 where 0 is allowed"):
        require_contract(late_settings(site), WINDOW)
    report = site.registry.reports("contract")[0]
    kept = [Check(**check) for check in json.loads(Path(report.path).read_text())]
    assert [check.name for check in kept if check.verdict == "fail"] == ["input_copies"]


def late_settings(site: StubSite) -> Settings:
    """The site's settings, with room for one late event in ten."""
    rollout = site.settings.rollout.model_copy(update={"max_late_share": 0.2})
    return site.settings.model_copy(update={"rollout": rollout})
