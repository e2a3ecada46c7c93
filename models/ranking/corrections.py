"""What viewers made of each video lately, against what the ranker promised of it: a factor on its odds of a watch.

A training ends hours before its release answers, and knows little of a video that few have met: a video that goes viral
meanwhile, or is better than its length and topic lead to expect, is promised too little. What has been seen since says
by how much, without a training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.membership import places
from models.ranking.calibration import CalibrationError

#: Log-odds that are not worth a line of the file: a twentieth more or less.
_LEAST = 0.05
#: Mean multiple of a video that goes viral, and shape of its distribution: half of them lie between 1 and 2.7.
_VIRAL, _VIRAL_SHAPE = 2.0, 2.0

Heads = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Corrections:
    """What is added to the log-odds of a watch, by video.

    Attributes:
      videos: [m] int64 keys, ascending.
      odds: [m] float32; a video that is not here has 0.
    """

    videos: NDArray[np.int64]
    odds: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.videos)

    def of(self, videos: NDArray[np.int64]) -> NDArray[np.float32]:
        """What is added for each of `videos` [n] keys, [n]."""
        found = places(self.videos, videos)
        return np.where(found >= 0, np.append(self.odds, np.float32(0))[found], np.float32(0))

    def __call__(self, heads: Heads, videos: NDArray[np.int64]) -> Heads:
        """Calibrated heads [n] each of `videos` [n], corrected.

        A video that is watched twice as often as promised is liked, shared and dismissed twice as often, and watched
        for twice the time: all heads follow the watched one.
        """
        if not len(self):
            return heads
        factor = np.exp(self.of(videos))
        times = np.asarray(factor / (1 + heads["watched"] * (factor - 1)), np.float32)
        corrected = {target: head * times for target, head in heads.items()}
        # Seconds have no bound.
        return {t: head if t == "watch_s" else np.minimum(head, np.float32(1)) for t, head in corrected.items()}


NONE = Corrections(np.zeros(0, np.int64), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Prior:
    """How often videos are watched, in multiples of what is promised: most of them nearly as often, a few by far more.

    Attributes:
      certainty: the multiple of most videos is drawn from a gamma distribution of mean 1 and variance 1 / `certainty`;
        so many promised watches, seen, count as much as the promise.
      viral_share: share of videos whose multiple is drawn from one of mean 2 and shape 2 instead.
    """

    certainty: float
    viral_share: float

    def mean(self, observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean multiple of videos of which `observed` watches [n] were seen, where `expected` [n] were promised."""
        from scipy.special import expit, logit

        viral_rate = _VIRAL_SHAPE / _VIRAL
        viral = _log_chance(observed, expected, _VIRAL_SHAPE, viral_rate)
        usual = _log_chance(observed, expected, self.certainty, self.certainty)
        share = expit(viral - usual + logit(self.viral_share))
        if_viral = (observed + _VIRAL_SHAPE) / (expected + viral_rate)
        if_usual = (observed + self.certainty) / (expected + self.certainty)
        return np.asarray(share * if_viral + (1 - share) * if_usual, np.float64)


def _log_chance(
    observed: NDArray[np.float64], expected: NDArray[np.float64], shape: float, rate: float
) -> NDArray[np.float64]:
    """Log probability of Poisson counts whose multiple is drawn from a gamma distribution, but for what does not depend
    on it."""
    from scipy.special import gammaln

    counts = gammaln(observed + shape) - gammaln(shape)
    return np.asarray(counts + shape * np.log(rate / (rate + expected)) - observed * np.log(rate + expected))


def corrections_of(
    videos: NDArray[np.int64],
    watched: NDArray[np.float32],
    promised: NDArray[np.float32],
    weight: NDArray[np.float32],
    prior: Prior,
) -> Corrections:
    """Corrections from n exposures that the ranker has not learned: for each video the mean of the multiple of what is
    promised that it is watched, given what was seen.

    Args:
      videos: [n] keys.
      watched: [n] 0 or 1.
      promised: [n] calibrated probabilities; an exposure without a number is left out.
      weight: [n] how many exposures each stands for.
      prior: what is known of multiples before anything was seen.

    Source: DuMouchel 1999, "Bayesian data mining in large frequency tables" (section 2: counts over expected counts, a
    mixture of two gamma distributions); effects of single items that are fitted between trainings as in Zhang et al.
    2016, "GLMix" (section 2).
    """
    known = np.isfinite(promised) & np.isfinite(watched)
    keys, video = np.unique(videos[known], return_inverse=True)
    observed, expected = (
        np.bincount(video, (part * weight)[known], len(keys)).astype(np.float64) for part in (watched, promised)
    )
    odds = np.log(prior.mean(observed, expected)).astype(np.float32)
    told = np.abs(odds) >= _LEAST
    return Corrections(keys[told], odds[told])


def corrections_from(record: Any) -> Corrections:
    """Corrections from plain values, as `record_of_corrections` makes them; None, of files written before there were
    any, is none.

    Raises:
      CalibrationError: they are not as many finite numbers as ascending keys.
    """
    if record is None:
        return NONE
    try:
        videos, odds = np.asarray(record["videos"], np.int64), np.asarray(record["odds"], np.float32)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"the corrections of videos cannot be read: {error!r}") from error
    if videos.ndim != 1 or videos.shape != odds.shape or not np.isfinite(odds).all() or (np.diff(videos) <= 0).any():
        raise CalibrationError("the corrections of videos are not one finite number for each of ascending keys")
    return Corrections(videos, odds)


def record_of_corrections(corrections: Corrections) -> Mapping[str, Any]:
    """Plain values, ready for JSON."""
    return {"videos": corrections.videos.tolist(), "odds": np.round(corrections.odds, 4).astype(float).tolist()}
