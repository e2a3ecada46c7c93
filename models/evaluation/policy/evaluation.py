"""One policy's value from the log of another, both in the Open Bandit layout, beside its value on its own log."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.settings.evaluation import EvaluationSettings
from models.evaluation.policy.errors import PolicyError
from models.evaluation.policy.estimators import direct_method, doubly_robust, ips, snips
from models.evaluation.policy.likelihood import Estimate, ratio
from models.evaluation.policy.open_bandit import BanditLog
from models.evaluation.policy.reward_model import cross_fitted
from models.evaluation.policy.rounds import Codes, Floats, Rounds
from models.evaluation.policy.support import Support, supported
from models.evaluation.policy.target import probabilities


@dataclass(frozen=True)
class Result:
    """What a log says of a target policy; every value is clicks per impression.

    Attributes:
      logging, target: mean click rate of each policy on its own log.
      estimates: `ips`, `snips`, `dm`, `dr` of the target policy, from the log of the other one.
      support: how much of the log counts.
      sums: position -> sum of the target's probabilities before they were made to sum to 1; far from 1, its log does
        not say well what it does.
      counts: rounds and clicks of both logs, items, positions.
    """

    logging: Estimate
    target: Estimate
    estimates: dict[str, Estimate]
    support: Support
    sums: dict[str, float]
    counts: dict[str, int]

    def relative_error(self, name: str) -> float:
        """|estimate - on-policy value| / on-policy value of the target policy; NaN when that is 0."""
        true = self.target.value
        return abs(self.estimates[name].value - true) / true if true else float("nan")


def evaluate(log: BanditLog, target: BanditLog, settings: EvaluationSettings, *, way: str, seed: int) -> Result:
    """Estimate the target policy's value from `log`.

    Args:
      log: of the logging policy.
      target: of the target policy: its action probabilities are had from here, and what it was really worth. Its
        clicks have no part in the estimates.
      settings: bound of the support, and the model of the rewards.
      way: of `target.WAYS`.
      seed: of the folds of the model.

    Raises:
      UnsupportedError: the log never shows what the target policy shows.
      PolicyError: the positions differ, or nothing was clicked.
    """
    names = pc.unique(pa.chunked_array([log.items, target.items]))
    places = pc.unique(pa.chunked_array([log.positions, target.positions]))
    for one, other in ((log, target), (target, log)):
        lacking = np.setdiff1d(places.to_pylist(), pc.unique(one.positions).to_pylist())
        if len(lacking):
            raise PolicyError(
                f"{one.file} has no impression in position {', '.join(lacking)}, {other.file} has; give logs of the "
                "same positions"
            )
    rounds, group = _rounds(log, names, places)
    if not rounds.rewards.any():
        raise PolicyError(f"{log.file}: none of its {len(log):,} impressions was clicked; give a longer log")
    shown, target_group = _rounds(target, names, places)
    chances, sums = probabilities(shown, target_group, len(places), way)
    support = supported(rounds, chances, group, names.to_pylist(), settings.max_unsupported)
    weights = chances[group, rounds.items] / rounds.propensities
    by_context = np.zeros(len(rounds.design), np.int64)
    by_context[rounds.contexts] = group
    model = cross_fitted(rounds, chances[by_context], folds=settings.policy_folds, l2=settings.policy_l2, seed=seed)
    rewards, clusters = rounds.rewards, rounds.clusters
    return Result(
        _on_policy(log),
        _on_policy(target),
        {
            "ips": ips(rewards, weights, clusters),
            "snips": snips(rewards, weights, clusters),
            "dm": direct_method(model.expected, model.corrections, clusters),
            "dr": doubly_robust(rewards, weights, model.predicted, model.expected, clusters),
        },
        support,
        {str(place): float(total) for place, total in zip(places.to_pylist(), sums, strict=True)},
        {
            "rounds": len(log),
            "clicks": int(log.clicks.sum()),
            "target_rounds": len(target),
            "target_clicks": int(target.clicks.sum()),
            "items": len(names),
            "positions": len(places),
        },
    )


def _on_policy(log: BanditLog) -> Estimate:
    return ratio(log.clicks, np.ones(len(log)), log.clusters)


def _rounds(log: BanditLog, names: pa.Array, places: pa.Array) -> tuple[Rounds, Codes]:
    """The log as codes; a context is the position with the features of the user. And [n] the position."""
    items, group = (
        pc.index_in(column, known).to_numpy().astype(np.int64)
        for column, known in ((log.items, names), (log.positions, places))
    )
    columns = [np.eye(len(places))[group], *(_indicators(values) for values in log.features.values())]
    keys = [group, *(values.dictionary_encode().indices.to_numpy() for values in log.features.values())]
    _, first, contexts = np.unique(np.stack(keys, 1), axis=0, return_index=True, return_inverse=True)
    design = np.hstack([column[first] for column in columns])
    return Rounds(items, contexts.ravel(), log.clicks, log.propensities, log.clusters, design, len(names)), group


def _indicators(values: pa.Array) -> Floats:
    codes = values.dictionary_encode().indices.to_numpy()
    return np.asarray(np.eye(codes.max() + 1)[codes], np.float64)
