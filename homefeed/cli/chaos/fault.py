"""One fault: what it is, the gate that must stop it, the checks of that gate, and how it is seeded."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from homefeed.cli.chaos.outcome import Outcome
from homefeed.cli.chaos.platform import Platform
from homefeed.cli.chaos.rollout_faults import Effect, roll_out
from homefeed.cli.chaos.traffic import Traffic
from homefeed.registry import Stage

#: Makes the traffic that rollouts meet; it is made once for all of them.
Viewers = Callable[[], Traffic]
Run = Callable[[Platform, Viewers], Outcome]
SHADOW, CANARY, LIVE, ROLLED_BACK = ((str(s),) for s in (Stage.SHADOW, Stage.CANARY, Stage.LIVE, Stage.ROLLED_BACK))


@dataclass(frozen=True)
class Fault:
    """One fault, or one control, which is no fault and must not be stopped.

    Attributes:
      name: as `--fault` takes it.
      what: one sentence.
      gate: its number in docs/gates.md; empty for a control.
      checks: one of these has to be the one that stops it; empty when none may.
      stages: where it has to end, in one of these.
      run: seeds it in a platform of its own and lets the platform judge.
      at: where it is seeded, for people; `rollout` begins from a platform with a day of the large site behind it.
    """

    name: str
    what: str
    gate: str
    checks: tuple[str, ...]
    stages: tuple[str, ...]
    run: Run
    at: str = "release"

    def is_stopped(self, outcome: Outcome) -> bool:
        """Whether it ended where it has to, by the gate that has to be the one, with a release left that answers."""
        is_caught = not self.checks or bool(outcome.checks.keys() & set(self.checks))
        return outcome.stage in self.stages and is_caught and bool(outcome.live) and outcome.is_whole


def alone(run: Callable[[Platform], Outcome]) -> Run:
    """The fault in a platform without viewers."""
    return lambda platform, _: run(platform)


def rollout(effect: Effect, check: str = "") -> Run:
    """The fault in a rollout; `check` is the one whose promise stands beside what was found."""

    def run(platform: Platform, viewers: Viewers) -> Outcome:
        from homefeed.cli.chaos.promise import promised

        traffic = viewers()
        outcome = roll_out(platform, traffic, effect, "faulty")
        if not check:
            return outcome
        hours = max(1, round(outcome.safe_s // 3600))
        return replace(outcome, promised=promised(platform.settings, traffic, effect, check, hours))

    return run
