"""The value model: the heads of one candidate become the one score that a page is ranked by."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from homefeed.features import TARGETS
from homefeed.settings.ranking import RankingSettings


def value_weights(settings: RankingSettings) -> dict[str, float]:
    """The worth of one unit of each head, by target."""
    return {target: float(getattr(settings, f"value_{target}")) for target in TARGETS}


def value(heads: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> NDArray[np.float32]:
    """Expected worth of showing each candidate: the heads weighted and summed.

    Args:
      heads: target -> [n], calibrated: probabilities, and `watch_s` in seconds.
      weights: target -> worth of one unit of it.

    Returns:
      [n] float32, larger is better.

    Raises:
      KeyError: a weight names a head that is not there.
    """
    total = sum(np.float32(weight) * np.asarray(heads[target], np.float32) for target, weight in weights.items())
    return np.asarray(total, np.float32)
