"""From a measurement with its interval to a verdict: block on evidence only, and never pass without data."""

import math

from homefeed.verdict import Check, Verdict


def not_worse(
    name: str,
    harm: tuple[float, float, float],
    *,
    fail_above: float,
    pass_below: float,
    num_samples: int,
    enough: tuple[int, float],
    what: str,
) -> Check:
    """A non-inferiority check.

    Args:
      name: name of the check.
      harm: how much worse the candidate is: estimate, low, high. Positive is worse.
      fail_above: the check fails when even `low` is above this.
      pass_below: the check passes when even `high` is not above this.
      num_samples: what the harm rests on.
      enough: with fewer samples than the first the check waits; with the second or more and no harm shown it passes.
      what: the measurement in words, for the detail.

    Returns:
      FAIL, PASS, or WAIT while there is too little data or neither is shown.
    """
    estimate, low, high = harm
    least, most = enough
    if num_samples < least or not low <= estimate <= high:
        verdict, why = Verdict.WAIT, f"{num_samples} of the {least} samples it takes"
    elif low > fail_above:
        verdict, why = Verdict.FAIL, "worse than the bound, beyond chance"
    elif high <= pass_below:
        verdict, why = Verdict.PASS, "not worse than the bound, beyond chance"
    elif num_samples >= most:
        verdict, why = Verdict.PASS, f"no harm shown by {num_samples} samples"
    else:
        verdict, why = Verdict.WAIT, f"undecided with {num_samples} samples"
    finite = not math.isnan(estimate)
    return Check(
        name,
        verdict,
        value=estimate if finite else None,
        bound=fail_above if math.isfinite(fail_above) else None,
        interval=(low, high) if finite and math.isfinite(low) and math.isfinite(high) else None,
        num_samples=num_samples,
        detail=f"{what}: {why}",
    )


def waiting(name: str, why: str, num_samples: int = 0) -> Check:
    """A check that has nothing to go by yet."""
    return Check(name, Verdict.WAIT, num_samples=num_samples, detail=why)
