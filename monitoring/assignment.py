"""Whether viewers were assigned as meant: as many in each arm as its share says, and alike before anything was done to
them."""

import numpy as np

from monitoring.comparison import Estimate

#: How far from the meant share a broken assignment is looked for: viewers that the prior is worth.
_PRIOR = 100.0


def sample_ratio_p(num_first: int, num_both: int, expected: float) -> float:
    """Chance of a split as uneven as this at any look so far, if the assignment were right.

    Args:
      num_first: viewers in the first arm.
      num_both: viewers in both.
      expected: the first arm's share of both, in (0, 1).

    Source: Lindon and Malek 2022, "Anytime-valid inference for multinomial count data", section 3 (Bayes factor of a
    beta-binomial against the meant share).
    """
    from scipy.special import betaln

    first, second = _PRIOR * expected, _PRIOR * (1 - expected)
    num_second = num_both - num_first
    mixture = betaln(first + num_first, second + num_second) - betaln(first, second)
    meant = num_first * np.log(expected) + num_second * np.log1p(-expected)
    return float(np.exp(min(0.0, meant - mixture)))


def balance_p(found: Estimate) -> float:
    """Chance of arms as different as this at any look so far, if they were alike: of the newest look.

    Source: Johari et al. 2022, with the mixture tuned to a tenth of the control's value.
    """
    variance, gap = float(found.variance[-1]), float(found.difference[-1])
    if not variance > 0:
        return 1.0 if gap == 0 else 0.0
    mixture = (0.1 * max(abs(float(found.control[-1])), 1e-9)) ** 2
    total = variance + mixture
    log_ratio = 0.5 * np.log(variance / total) + gap**2 * mixture / (2 * variance * total)
    return float(np.exp(min(0.0, -log_ratio)))
