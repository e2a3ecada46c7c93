"""From an interval to a verdict."""

import math

import pytest

from homefeed.verdict import Verdict
from monitoring.decision import not_worse, waiting
from monitoring.gates.shadow import wilson


@pytest.mark.parametrize(
    ("harm", "num", "verdict"),
    [
        ((0.5, 0.4, 0.6), 9, Verdict.WAIT),  # too few, however bad it looks
        ((math.nan, -math.inf, math.inf), 100, Verdict.WAIT),  # nothing measured is never a pass
        ((math.nan, math.nan, math.nan), 100, Verdict.WAIT),
        ((0.0, -math.inf, math.inf), 15, Verdict.WAIT),
        ((0.03, 0.011, 0.05), 10, Verdict.FAIL),  # all of the interval is above the bound
        ((0.03, 0.01, 0.05), 15, Verdict.WAIT),  # it touches the bound: undecided
        ((0.03, 0.01, 0.05), 20, Verdict.PASS),  # still undecided with as many as were asked for: no harm shown
        ((0.0, -0.02, 0.02), 10, Verdict.PASS),  # surely within the margin
    ],
)
def test_verdict(harm: tuple[float, float, float], num: int, verdict: Verdict) -> None:
    check = not_worse("x", harm, fail_above=0.01, pass_below=0.02, num_samples=num, enough=(10, 20), what="harm")
    assert check.verdict is verdict
    assert check.value is None or math.isfinite(check.value)
    assert check.interval is None or all(map(math.isfinite, check.interval))


def test_waiting_has_no_value() -> None:
    assert waiting("x", "no data").to_dict()["value"] is None


def test_wilson_by_hand() -> None:
    """No failure in 100: the upper bound is z^2 / (n + z^2)."""
    assert wilson(0, 100) == pytest.approx((0.0, 0.0, 2.576**2 / (100 + 2.576**2)))
    assert wilson(100, 100)[2] == 1.0
