"""Viewers it takes to tell two rankers apart: in two arms, and interleaved on the same pages.

A viewer opens one page of 20 slots from 40 candidates. The chance of a watch falls with the slot and follows what the
viewer wants; one ranker sees this a little more blurred than the other. Viewers differ in how much they watch at all.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from monitoring.sequential import Floats

_CANDIDATES, _SLOTS = 40, 20
#: Deviation of what a ranker believes of a video from what the viewer wants, in log-odds.
BETTER_BLUR, WORSE_BLUR = 1.0, 1.25
_RATE = 0.06


@dataclass(frozen=True)
class Needed:
    """Viewers for 80 % power at a two-sided 5 %.

    Attributes:
      arms: of both arms of an A/B test together, by watches per viewer.
      interleaving: who get interleaved pages.
      better_is_preferred: whether interleaving, with as many viewers as it was given, surely prefers the better ranker.
      gain: how many more watches the better ranker brings, relative.
    """

    arms: float
    interleaving: float
    better_is_preferred: bool
    gain: float


@dataclass(frozen=True)
class Pages:
    """[p, c] what viewers want in log-odds, and the two rankings [p, c] of the candidates."""

    wanted: "Floats"
    better: NDArray[np.int64]
    worse: NDArray[np.int64]


def pages(num_viewers: int, random: np.random.Generator) -> Pages:
    """One page's candidates of each viewer, ranked by both."""
    size = (num_viewers, _CANDIDATES)
    appetite = random.normal(0, 1, (num_viewers, 1))
    wanted = np.log(_RATE) - 0.8 + appetite + random.normal(0, 1, size)
    rankings = [np.argsort(-(wanted + random.normal(0, blur, size)), 1) for blur in (BETTER_BLUR, WORSE_BLUR)]
    return Pages(wanted, rankings[0], rankings[1])


def watches(made: Pages, videos: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.bool_]:
    """[p, slots] what is watched of the pages `videos`."""
    return np.asarray(random.random(videos.shape) < chances(made, videos))


def needed_viewers(seed: int, num_viewers: int = 20_000) -> Needed:
    """Effects and variances from `num_viewers` in each arm and as many on interleaved pages.

    Source: n = (z_975 + z_80)^2 variance / effect^2, for the difference of two means and for a mean.
    """
    from scipy.stats import norm

    from models.interleaving import FIRST, NOBODY, draft
    from monitoring.experiments.interleaving import preference

    random = np.random.default_rng(seed)
    made = pages(num_viewers, random)
    drift = float(norm.ppf(0.975) + norm.ppf(0.8)) ** 2
    # Effects are those of the true chances, so that they are not blurred by what was drawn; variances are of the draws.
    slates = [order[:, :_SLOTS] for order in (made.better, made.worse)]
    totals = [watches(made, slate, random).sum(1).astype(float) for slate in slates]
    better, worse = (float(chances(made, slate).sum(1).mean()) for slate in slates)
    arms = 2 * drift * (totals[0].var() + totals[1].var()) / (better - worse) ** 2
    coins = (random.random((num_viewers, _SLOTS)) < 0.5).tolist()
    drafted = list(map(draft, made.better.tolist(), made.worse.tolist(), coins))
    videos, team = (np.stack([getattr(page, name) for page in drafted]).astype(np.int64) for name in ("videos", "team"))
    watched, side = watches(made, videos, random), np.where(team == FIRST, 1.0, -1.0) * (team != NOBODY)
    users = np.repeat(np.arange(num_viewers), _SLOTS)
    found = preference(users, team.ravel(), watched.ravel(), alpha=0.05, expected=0.1)
    effect = float((side * chances(made, videos)).sum(1).mean())
    interleaving = drift * (side * watched).sum(1).var() / effect**2
    return Needed(float(arms), float(interleaving), bool(found.low[0] > 0), better / worse - 1)


def chances(made: Pages, videos: NDArray[np.int64]) -> "Floats":
    """[p, slots] chance that each video of the pages `videos` is watched."""
    odds = np.take_along_axis(made.wanted, videos, 1) - 0.35 * np.log1p(np.arange(videos.shape[1]))
    return np.asarray(1 / (1 + np.exp(-odds)))
