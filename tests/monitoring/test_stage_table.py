"""`advance`: the whole product of stage, verdict, hold and dwell time."""

from datetime import UTC, datetime, timedelta

import pytest

from homefeed.registry import Stage
from homefeed.verdict import Verdict
from monitoring.rollout import RolloutState, advance

SINCE = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
NEXT = {Stage.SHADOW: Stage.CANARY, Stage.CANARY: Stage.RAMP, Stage.RAMP: Stage.LIVE, Stage.LIVE: Stage.LIVE}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize("waited_s", [-60, 0, 599.999, 600, 6000])
def test_product_of_stage_verdict_and_hold(stage: Stage, verdict: Verdict, is_held: bool, waited_s: float) -> None:
    state = RolloutState(stage, SINCE, dwell_s=600, is_held=is_held)
    to_stage = advance(state, verdict, SINCE + timedelta(seconds=waited_s))
    if stage not in NEXT or verdict is Verdict.WAIT:
        assert to_stage == stage
    elif verdict is Verdict.FAIL:
        assert to_stage == Stage.ROLLED_BACK
    else:
        assert to_stage == (NEXT[stage] if waited_s >= 600 and not is_held else stage)


def test_without_dwell_a_pass_acts_at_once() -> None:
    assert advance(RolloutState(Stage.SHADOW, SINCE, dwell_s=0), Verdict.PASS, SINCE) == Stage.CANARY
