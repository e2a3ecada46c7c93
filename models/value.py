"""The value model: the heads of one candidate become the one score that a page is ranked by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from homefeed.features import TARGETS
from homefeed.settings.ranking import RankingSettings

#: What a viewer does with a video that is shown.
ENGAGEMENT = ("watched", "watch_s", "completion")
#: What a viewer says about it.
SATISFACTION = ("liked", "subscribed", "shared", "dismissed")
#: Heads of which more is worse.
NEGATIVE = ("dismissed",)


class ValueWeightsError(HomefeedError):
    """Weights that the value model cannot use; the message names the head."""


@dataclass(frozen=True)
class Value:
    """The worth of n candidates and what it is made of.

    Attributes:
      contributions: target -> [n] float32, weight x head.
      engagement, satisfaction: [n] float32, sums of the contributions of `ENGAGEMENT` and of `SATISFACTION`.
    """

    contributions: dict[str, NDArray[np.float32]]
    engagement: NDArray[np.float32]
    satisfaction: NDArray[np.float32]

    @property
    def total(self) -> NDArray[np.float32]:
        """[n] float32, larger is better."""
        return np.asarray(self.engagement + self.satisfaction, np.float32)


def value_weights(settings: RankingSettings) -> dict[str, float]:
    """The worth of one unit of each head, by target. Raises ValueWeightsError as `checked_weights` does."""
    return checked_weights({target: getattr(settings, f"value_{target}") for target in TARGETS})


def checked_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights, one for each target.

    Raises:
      ValueWeightsError: a target has no weight, a weight is of no target, is not finite, or has the wrong sign: a
        dismissal is never worth something, and nothing else is worth less than nothing.
    """
    if set(weights) != set(TARGETS):
        wrong = ", ".join(sorted(set(weights) ^ set(TARGETS)))
        raise ValueWeightsError(f"the value model has one weight for each head, and not for these: {wrong}")
    for target, weight in weights.items():
        sign, allowed = (-1, "at most 0") if target in NEGATIVE else (1, "at least 0")
        if not np.isfinite(weight) or sign * weight < 0:
            raise ValueWeightsError(
                f"the weight of head {target!r} is {weight}, and has to be {allowed}; set HOMEFEED_RANKING__VALUE_"
                f"{target.upper()}"
            )
    return {target: float(weights[target]) for target in TARGETS}


def value_parts(heads: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> Value:
    """Expected worth of showing each candidate, in parts.

    Args:
      heads: target -> [n], calibrated: probabilities, and `watch_s` in seconds. One that is not a number makes the
        value of its candidate not a number.
      weights: target -> worth of one unit of it.

    Raises:
      KeyError: a weight names a head that is not there.
    """
    contributions = {
        target: np.float32(weight) * np.asarray(heads[target], np.float32) for target, weight in weights.items()
    }
    nothing = np.zeros(np.shape(next(iter(heads.values()))), np.float32)

    def total(targets: tuple[str, ...]) -> NDArray[np.float32]:
        return np.asarray(sum((contributions[t] for t in targets if t in contributions), nothing), np.float32)

    return Value(contributions, total(ENGAGEMENT), total(SATISFACTION))


def value(heads: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> NDArray[np.float32]:
    """The score of each candidate, [n] float32: the total of `value_parts`."""
    return value_parts(heads, weights).total
