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
        added = self.of(videos)
        watched = heads["watched"]
        factor = np.exp(added)
        times = factor / (np.float32(1) + watched * (factor - np.float32(1)))
        most = {"watch_s": np.float32(np.inf)}
        return {target: np.minimum(head * times, most.get(target, np.float32(1))) for target, head in heads.items()}


NONE = Corrections(np.zeros(0, np.int64), np.zeros(0, np.float32))


def corrections_of(
    videos: NDArray[np.int64],
    watched: NDArray[np.float32],
    promised: NDArray[np.float32],
    weight: NDArray[np.float32],
    prior: float,
) -> Corrections:
    """Corrections from n exposures that the ranker has not learned.

    The rate of watches of a video is taken for a multiple of what is promised, and the multiple for a draw from a gamma
    distribution of mean 1 and variance 1 / `prior`: given what was seen, its mean is (watches + prior) / (promised
    watches + prior).

    Args:
      videos: [n] keys.
      watched: [n] 0 or 1.
      promised: [n] calibrated probabilities; an exposure without a number is left out.
      weight: [n] how many exposures each stands for.
      prior: promised watches after which what was seen counts as much as the promise.

    Source: DuMouchel 1999, "Bayesian data mining in large frequency tables" (section 2, one gamma distribution for his
    mixture of two); nearline effects of single items as in Zhang et al. 2016, "GLMix" (section 2).
    """
    known = np.isfinite(promised) & np.isfinite(watched)
    keys, video = np.unique(videos[known], return_inverse=True)
    observed, expected = (
        np.bincount(video, (part * weight)[known].astype(np.float64), len(keys)) for part in (watched, promised)
    )
    odds = np.log((observed + prior) / (expected + prior)).astype(np.float32)
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
