"""`homefeed bench policy`: how often the 95 % intervals of off-policy evaluation cover the truth, in made-up worlds.

A world has three positions a request, four kinds of users and ten items. Its click chances, which differ by item for
every kind of user, its logging policy and its target policy are drawn anew, and so is a mood that a request's positions
share. The model of the rewards, which knows item, kind and position but not their interplay, is wrong in all of them.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import Progress

from homefeed.settings import Settings
from homefeed.settings.evaluation import EvaluationSettings

if TYPE_CHECKING:
    from models.evaluation.policy import Estimate, Rounds
    from models.evaluation.policy.rounds import Floats

_KINDS, _POSITIONS, _ITEMS = 4, 3, 10
_REQUESTS = 1000
#: Mean chance of a click -> the word for it in the names of the results.
RATES = {0.03: "", 0.007: "few_"}
ESTIMATES = ("ips", "snips", "dm", "dr")
_SENTENCES = {
    "": "of 200 worlds with about 90 clicks in 3,000 impressions",
    "few_": "of 200 worlds with about 20 clicks in 3,000 impressions",
}
MEANING = {
    **{
        f"{word}{name}_coverage": f"Share {sentence} in which the interval of {name} covers the target policy's value."
        for word, sentence in _SENTENCES.items()
        for name in ESTIMATES
    },
    "worlds_per_s": "Worlds a second, all four estimates of each with their intervals.",
}


@dataclass(frozen=True)
class World:
    """A log with known truth: `target` is [contexts, items], `true_value` the target policy's clicks per impression."""

    rounds: "Rounds"
    target: "Floats"
    true_value: float


def world(seed: int, rate: float) -> World:
    """One world with mean click chance `rate`, and 1,000 requests of its log."""
    from models.evaluation.policy import Rounds

    rng = np.random.default_rng(seed)
    contexts = np.arange(_KINDS * _POSITIONS)
    kind, position = contexts // _POSITIONS, contexts % _POSITIONS
    odds = rng.normal(0, 0.6, _ITEMS)[None, :] + rng.normal(0, 0.4, (_KINDS, _ITEMS))[kind] - 0.3 * position[:, None]
    moods = np.array([-0.5, 0.5])
    chances = 1 / (1 + np.exp(-(np.log(rate) + odds[None] + moods[:, None, None])))
    logging, target = (
        share / share.sum(1, keepdims=True) for share in np.exp(rng.normal(0, [[[0.7]], [[1.0]]], (2, *odds.shape)))
    )
    drawn = rng.integers(_KINDS, size=_REQUESTS)[:, None] * _POSITIONS + np.arange(_POSITIONS)
    mood = np.repeat(rng.integers(2, size=_REQUESTS), _POSITIONS)
    context = drawn.ravel()
    item = np.minimum((rng.random(len(context))[:, None] > np.cumsum(logging[context], 1)).sum(1), _ITEMS - 1)
    clicks = (rng.random(len(context)) < chances[mood, context, item]).astype(np.float64)
    design = np.hstack([np.eye(_KINDS)[kind], np.eye(_POSITIONS)[position]])
    request = np.repeat(np.arange(_REQUESTS), _POSITIONS)
    rounds = Rounds(item, context, clicks, logging[context, item], request, design, _ITEMS)
    return World(rounds, target, float((chances.mean(0) * target).sum(1).mean()))


def estimates(made: World, settings: EvaluationSettings, seed: int) -> "dict[str, Estimate]":
    """The four estimates of a world's target policy, by name."""
    from models.evaluation.policy import direct_method, doubly_robust, ips, snips
    from models.evaluation.policy.reward_model import cross_fitted

    rounds = made.rounds
    weights = made.target[rounds.contexts, rounds.items] / rounds.propensities
    model = cross_fitted(rounds, made.target, folds=settings.policy_folds, l2=settings.policy_l2, seed=seed)
    given = rounds.rewards, weights
    return {
        "ips": ips(*given, rounds.clusters),
        "snips": snips(*given, rounds.clusters),
        "dm": direct_method(model.expected, model.corrections, rounds.clusters),
        "dr": doubly_robust(*given, model.predicted, model.expected, rounds.clusters),
    }


def coverage(settings: Settings, rate: float, num_worlds: int, seed: int) -> dict[str, float]:
    """Estimate -> share of the worlds `seed`, `seed + 1`, ... in which its interval covers the true value."""
    covered = dict.fromkeys(ESTIMATES, 0)
    for number in range(seed, seed + num_worlds):
        made = world(number, rate)
        for name, estimate in estimates(made, settings.evaluation, number).items():
            covered[name] += estimate.covers(made.true_value)
    return {name: count / num_worlds for name, count in covered.items()}


def run(settings: Settings, progress: Progress, num_worlds: int = 200) -> dict[str, float]:
    """Coverage in `num_worlds` worlds for each rate of clicks."""
    progress.update(progress.task_ids[0], total=len(RATES))
    began = time.perf_counter()
    results: dict[str, float] = {}
    for rate, word in RATES.items():
        found = coverage(settings, rate, num_worlds, settings.seed)
        results |= {f"{word}{name}_coverage": share for name, share in found.items()}
        progress.advance(progress.task_ids[0])
    return {**results, "worlds_per_s": len(RATES) * num_worlds / (time.perf_counter() - began)}
