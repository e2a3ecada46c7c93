"""The stages of a release: a table and one pure function."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from homefeed.registry import Stage
from homefeed.verdict import Verdict

#: Stage -> where PASS leads once the dwell time is over, and FAIL at once. A stage that is not here is final.
TABLE: dict[Stage, dict[Verdict, Stage]] = {
    Stage.SHADOW: {Verdict.PASS: Stage.CANARY, Verdict.FAIL: Stage.ROLLED_BACK},
    Stage.CANARY: {Verdict.PASS: Stage.RAMP, Verdict.FAIL: Stage.ROLLED_BACK},
    Stage.RAMP: {Verdict.PASS: Stage.LIVE, Verdict.FAIL: Stage.ROLLED_BACK},
    Stage.LIVE: {Verdict.PASS: Stage.LIVE, Verdict.FAIL: Stage.ROLLED_BACK},
}


@dataclass(frozen=True)
class RolloutState:
    """Where one release stands.

    Attributes:
      stage: its stage.
      since: when it entered the stage.
      dwell_s: least time in the stage before the next one; 0 when nothing is live that it could harm.
      is_held: whether a person has paused it, or an alert that fires holds every promotion.
    """

    stage: Stage
    since: datetime
    dwell_s: float
    is_held: bool = False


def advance(state: RolloutState, verdict: Verdict, now: datetime) -> Stage:
    """The stage after one look: FAIL acts at once, also when held; PASS waits out the dwell time and the hold; WAIT
    stays. A final stage stays."""
    moves = TABLE.get(state.stage, {})
    is_early = now - state.since < timedelta(seconds=state.dwell_s)
    if verdict is Verdict.PASS and (is_early or state.is_held):
        return state.stage
    return moves.get(verdict, state.stage)
