"""Check -> Verdict: the currency of every gate.

A check compares one measured value with one bound. Missing data is WAIT, never PASS.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """PASS: go on when the dwell time is over. FAIL: act at once. WAIT: not enough evidence yet, stay."""

    PASS = "pass"
    FAIL = "fail"
    WAIT = "wait"


@dataclass(frozen=True)
class Check:
    """One measured value against its bound.

    Attributes:
      name: what was measured, such as `ranking_ne`.
      verdict: what follows from it.
      value: the measurement; None when there was no data.
      bound: the value it was compared with.
      interval: confidence interval of the value, (low, high), where one was computed.
      num_samples: how many rows, viewers or queries the value rests on.
      detail: one sentence an operator understands.
      evidence: path or URL of the report behind the value.
    """

    name: str
    verdict: Verdict
    value: float | None = None
    bound: float | None = None
    interval: tuple[float, float] | None = None
    num_samples: int = 0
    detail: str = ""
    evidence: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"verdict": self.verdict.value}


def overall(checks: Sequence[Check]) -> Verdict:
    """FAIL when any check fails, else WAIT when any waits or there is none at all, else PASS."""
    verdicts = {check.verdict for check in checks}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.WAIT if Verdict.WAIT in verdicts or not verdicts else Verdict.PASS
