"""Logistic regression of the rewards on item and context, fitted so that no round is predicted by what it taught."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.evaluation.policy.errors import PolicyError
from models.evaluation.policy.rounds import Codes, Floats, Rounds


@dataclass(frozen=True)
class Predictions:
    """What the model says about each round, shapes [n].

    Attributes:
      predicted: probability of a reward for what was shown.
      expected: mean probability over what the target policy would show.
      corrections: what each round adds to the mean of `expected` by having taught the model; mean zero.
    """

    predicted: Floats
    expected: Floats
    corrections: Floats


def cross_fitted(rounds: Rounds, target: Floats, *, folds: int, l2: float, seed: int) -> Predictions:
    """Fit on all folds but one, predict that one, for each fold; folds hold whole clusters.

    Args:
      rounds: of the logging policy; rewards are 0 or 1.
      target: [c, k] probability of each item in each context, as the target policy shows them.
      folds: number of parts.
      l2: strength of the penalty on everything but the intercept: one over the variance that the log-odds of an item
        are expected to have.
      seed: of the draw of the parts.

    Raises:
      PolicyError: rewards are not 0 or 1, or too few of one kind to fit.

    Sources: Chernozhukov et al. 2018, "Double/debiased machine learning" (cross-fitting); the corrections are the
    influence of a round on the fitted weights (White 1982).
    """
    if not np.isin(rounds.rewards, (0.0, 1.0)).all():
        raise PolicyError("the model of the rewards needs rewards of 0 or 1; use IPS and SNIPS for others")
    clusters, codes = np.unique(rounds.clusters, return_inverse=True)
    parts = np.random.default_rng(seed).permutation(len(clusters))[codes] % folds
    num = len(rounds)
    predicted, expected, corrections = np.empty(num), np.empty(num), np.zeros(num)
    for part in range(folds):
        held = parts == part
        if not held.any():
            continue
        weights = _fit(rounds, ~held, l2)
        chances = _chances(rounds, weights)
        predicted[held] = chances[rounds.contexts[held], rounds.items[held]]
        expected[held] = (chances * target).sum(1)[rounds.contexts[held]]
        share = np.bincount(rounds.contexts[held], minlength=len(target)) / num
        corrections[~held] += num * _influence(rounds, ~held, chances, target * share[:, None], l2)
    return Predictions(predicted, expected, corrections - corrections.mean())


def _columns(rounds: Rounds, contexts: Codes, items: Codes) -> Floats:
    """[m, 1 + k + d]: the intercept, which item, the context."""
    return np.hstack([np.ones((len(items), 1)), np.eye(rounds.num_items)[items], rounds.design[contexts]])


def _cells(rounds: Rounds, rows: NDArray[np.bool_]) -> tuple[Codes, Codes, Floats, Floats]:
    """Rows that look alike, together: context, item, rounds and rewards of each cell."""
    keys, codes = np.unique(rounds.contexts[rows] * rounds.num_items + rounds.items[rows], return_inverse=True)
    shown = np.bincount(codes).astype(np.float64)
    rewarded = np.bincount(codes, rounds.rewards[rows]).astype(np.float64)
    return keys // rounds.num_items, keys % rounds.num_items, shown, rewarded


def _fit(rounds: Rounds, rows: NDArray[np.bool_], l2: float) -> Floats:
    """[1 + k + d] weights of `_columns`."""
    from sklearn.linear_model import LogisticRegression

    rewards = rounds.rewards[rows]
    if not 0 < rewards.sum() < len(rewards):
        raise PolicyError(
            f"{rounds.rewards.sum():.0f} of {len(rounds)} rounds have a reward: too few of one kind for a model of the "
            "rewards; give a longer log"
        )
    contexts, items, shown, rewarded = _cells(rounds, rows)
    columns = _columns(rounds, contexts, items)
    labels = np.repeat([1.0, 0.0], len(columns))
    model = LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-8, max_iter=200)
    model.fit(np.vstack([columns, columns])[:, 1:], labels, np.concatenate([rewarded, shown - rewarded]))
    return np.concatenate([model.intercept_, model.coef_[0]])


def _chances(rounds: Rounds, weights: Floats) -> Floats:
    """[c, k] probability of a reward for each item in each context."""
    items, context = weights[1 : 1 + rounds.num_items], weights[1 + rounds.num_items :]
    return np.asarray(expit(weights[0] + items[None, :] + (rounds.design @ context)[:, None]))


def _influence(rounds: Rounds, rows: NDArray[np.bool_], chances: Floats, mass: Floats, l2: float) -> Floats:
    """[number of rows] how much each moves sum(mass x chances): gradient x inverse Hessian x its own score."""
    slopes = mass * chances * (1 - chances)
    gradient = np.concatenate([[slopes.sum()], slopes.sum(0), slopes.sum(1) @ rounds.design])
    contexts, items, shown, _ = _cells(rounds, rows)
    columns, chance = _columns(rounds, contexts, items), chances[contexts, items]
    penalty = np.full(columns.shape[1], l2)
    penalty[0] = 0.0
    hessian = (columns * (shown * chance * (1 - chance))[:, None]).T @ columns + np.diag(penalty)
    direction = np.linalg.solve(hessian, gradient)
    effect = direction[0] + direction[1 : 1 + rounds.num_items][None, :]
    effect = effect + (rounds.design @ direction[1 + rounds.num_items :])[:, None]
    at = rounds.contexts[rows], rounds.items[rows]
    return np.asarray(effect[at] * (rounds.rewards[rows] - chances[at]))
