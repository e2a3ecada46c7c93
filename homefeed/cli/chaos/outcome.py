"""What became of one fault: how far it got, what stopped it, and how many exposures it had by then."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """Where a faulty release, or faulty input, was stopped.

    Attributes:
      stage: where it stands afterwards; `training` when no model was trained on it.
      checks: check -> verdict, of those that decided the last look; empty when every one passed.
      exposures: how many exposures the candidate had with viewers.
      safe_s: seconds of event time from the fault's first effect on a viewer, or from the first look, until it could do
        no more harm.
      took_s: seconds that finding it took here.
      live: release that answers afterwards.
      promised: exposures within which the gate's own power calculation finds the fault in 80 of 100 cases, infinite
        when it does not; None where there is no such calculation.
      facts: further measurements.
      is_whole: whether the platform had one valid release at every moment that was looked at.
    """

    stage: str
    checks: dict[str, str]
    exposures: int = 0
    safe_s: float = 0.0
    took_s: float = 0.0
    live: str = ""
    promised: float | None = None
    facts: dict[str, float] = field(default_factory=dict)
    is_whole: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def named(checks: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Check -> verdict of those that decided: the failing ones, else those that wait."""
    bad = [check for check in checks if check["verdict"] == "fail"] or checks
    return {check["name"]: check["verdict"] for check in bad if check["verdict"] != "pass"}
