"""Faults seeded in a small platform: two of them end where they have to, and one that gets past its gate is told."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homefeed.cli.chaos import failures, unchanged
from homefeed.cli.chaos.controls import CONTROLS
from homefeed.cli.chaos.fault import rollout
from homefeed.cli.chaos.faults import FAULTS
from homefeed.cli.chaos.platform import ChaosError, Platform
from homefeed.cli.chaos.profile import placed
from homefeed.cli.chaos.rollout_faults import failing_keys
from homefeed.cli.chaos.suite import chosen, run_faults
from homefeed.registry import Stage
from homefeed.settings import load


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A live release without a bundle: rollouts and promotions read none."""
    base = load(registry_url="")
    world = base.world.model_copy(update={"num_videos": 1_000})
    rollout_knobs = base.rollout.model_copy(update={"canary_share": 0.45, "min_viewers": 50, "max_viewers": 1_000})
    settings = base.model_copy(update={"world": world, "rollout": rollout_knobs})
    made = Platform(placed(settings, tmp_path))
    made.settings.var.mkdir()
    made.set_time(datetime(2026, 11, 23, 22, tzinfo=UTC))
    made.enter("r1", Stage.LIVE)
    return made


def test_every_fault_has_a_gate_and_its_checks_and_no_control_has_one() -> None:
    assert len({fault.name for fault in (*FAULTS, *CONTROLS)}) == len(FAULTS) + len(CONTROLS)
    assert all(fault.gate and fault.checks for fault in FAULTS)
    assert not any(fault.gate for fault in CONTROLS)
    with pytest.raises(ChaosError, match="no-such-fault"):
        chosen(["no-such-fault"])


def test_two_faults_end_where_they_have_to_and_one_that_did_not_is_told(platform: Platform, tmp_path: Path) -> None:
    (store,) = chosen(["store-fails-5-percent"])
    half = replace(store, run=rollout(failing_keys(0.5), "failed_pages"))
    rows = run_faults(platform, [half, *chosen(["killed-promotion"])], tmp_path, print, 600, 3)
    found, killed = rows
    assert (found["stage"], found["stopped"]) == ("rolled_back", True)
    assert found["checks"] == {"failed_pages": "fail"}
    # Half of the pages fail against none: the first look with viewers enough finds it.
    assert 0 < found["exposures"] < 30_000
    assert found["promised"] > 0
    assert found["live"] == "r1"
    assert (killed["stage"], killed["live"], killed["is_whole"]) == ("live", "promoted", True)
    assert killed["stopped"]
    assert failures(rows) == []
    past = [found | {"stopped": False}, killed | {"error": "no disk"}]
    assert failures(past) == [
        "store-fails-5-percent ended in rolled_back with failed_pages fail: G15 was to stop it",
        "killed-promotion could not be seeded: no disk",
    ]
    assert platform.registry.releases(Stage.LIVE)[0].id == "r1", "faults are seeded in copies"
    assert not (tmp_path / "runs").exists()


def test_an_unchanged_release_goes_through_its_rollout_and_one_that_is_stopped_is_told(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "NUM_VIEWERS", 400)
    monkeypatch.setattr(unchanged, "PAST_HOURS", 2)
    monkeypatch.setattr(unchanged, "_SAMPLE", {"min_viewers": 50, "max_viewers": 100})
    found = unchanged.unchanged_rollouts(platform, 1, tmp_path, print)
    assert (found["releases"], found["aborted"], found["aborted_by"]) == (1, 0, [])
    assert found["interval"] == (0.0, pytest.approx(0.975))
    # The same with pages that fail for everyone whom the release answers: it is no unchanged release any more.
    monkeypatch.setattr(unchanged, "Effect", lambda: failing_keys(1.0))
    (stopped,) = unchanged.unchanged_rollouts(platform, 1, tmp_path, print)["aborted_by"]
    assert stopped == {"release": 0, "checks": {"failed_pages": "fail"}}
