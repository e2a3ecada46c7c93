"""How good a ranker's predictions of held-out exposures are: each head, the order of pages, slices, and rivals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import TARGETS
from models.evaluation.curves import curves
from models.evaluation.measures import Measured, difference, measure
from models.evaluation.policy import ChoiceValue, Estimate, PolicyError, Shown, choice_value
from models.evaluation.reliability import Reliability, reliability
from models.evaluation.viewer_sums import Exposed
from models.names import NO_NAMES, Names
from models.ranking.examples import Examples
from models.ranking.slices import groupings
from models.value import value

#: Heads that predict an amount or a share; the others predict a probability.
AMOUNTS = ("watch_s", "completion")
#: Measures that two models are compared by.
COMPARED = ("roc_auc", "pr_auc", "ne", "grouped_auc", "ndcg_at_100", "watch_time_loss")
#: Measures that depend on the order alone.
_ORDERED = ("grouped_auc", "ndcg_at_100", "watch_time_loss", "recall_at_5", "recall_at_10")


@dataclass(frozen=True)
class Rival:
    """Another model's predictions of the same exposures.

    Attributes:
      name: what it is, `tree` or `live`.
      title: as people read it.
      watched: [n] probabilities of a watch; None when there are none.
      reason: why there are none.
      value: [n] what it would rank a page by; None when that is not known.
    """

    name: str
    title: str
    watched: NDArray[np.float32] | None
    reason: str = ""
    value: NDArray[np.float32] | None = None


def evaluation_of(
    examples: Examples,
    heads: Mapping[str, NDArray[np.float32]],
    *,
    seed: int,
    weights: Mapping[str, float],
    threshold: float = float("nan"),
    num_groups: int = 10,
    chosen_share: float = 0.1,
    names: Names = NO_NAMES,
    rivals: Sequence[Rival] = (),
) -> dict[str, Any]:
    """Every measure of a ranker on n exposures that it never saw, with 95 % intervals over viewers.

    Args:
      examples: the exposures; `weight` makes up for missed ones that were sampled.
      heads: target -> [n] calibrated predictions.
      seed: of the intervals.
      weights: worth of one unit of each head, for the order that a page is ranked in.
      threshold: operating point of the watched head, chosen on other exposures; NaN for none.
      num_groups: of alike predictions in a reliability diagram.
      chosen_share: of what could be drawn that a ranker chooses in `choice`.
      names: of the slices' keys.
      rivals: models that it is compared with.

    Returns:
      Plain values: `watched`, `heads`, `orders`, `choice`, `lift`, `slices`, `rivals`, `curves` and `threshold`. A
      number that cannot be measured is None, and beside it stands a `reason`.
    """
    rows = exposed(examples, "watched")
    own = measure(rows, heads["watched"], seed=seed, threshold=threshold)
    others = [(rival, _rival_measured(rows, rival, seed)) for rival in rivals]
    ranked = {
        "head of watches": own,
        "head of watch time": measure(rows, heads["watch_s"], seed=seed),
        "value model": measure(rows, value(heads, weights), seed=seed),
        **{rival.title: found for rival, found in others if found is not None},
    }
    return {
        "threshold": None if np.isnan(threshold) else threshold,
        "watched": own.of(0),
        "heads": {target: _head(examples, target, heads[target], num_groups, seed) for target in TARGETS},
        "orders": [
            {"name": name, **{order: vars(found.measures[order][0]) for order in _ORDERED}}
            for name, found in ranked.items()
        ],
        "choice": _choice(examples, value(heads, weights), weights, rivals, chosen_share),
        "lift": _reliability(examples, "watched", heads["watched"], 10, seed).groups,
        "slices": _slices(examples, rows, heads["watched"], seed=seed, threshold=threshold, names=names),
        "rivals": [_compared(rows, own, rival, found) for rival, found in others],
        "curves": curves(rows.watched, heads["watched"], rows.weight),
    }


def exposed(examples: Examples, target: str) -> Exposed:
    """What happened, with a target's label in place of the watch."""
    return Exposed(
        viewers=examples.users,
        requests=examples.requests,
        watched=examples.labels[target] > 0,
        watch_s=np.nan_to_num(examples.labels["watch_s"]),
        weight=examples.weight,
    )


def _head(
    examples: Examples, target: str, predictions: NDArray[np.float32], num_groups: int, seed: int
) -> dict[str, Any]:
    """Measures and reliability of one head; of an amount only its calibration."""
    found = _reliability(examples, target, predictions, num_groups, seed)
    happened = vars(found.calibration)
    if target in AMOUNTS:
        return {"measures": {"calibration": happened}, "reliability": found.groups}
    one = measure(exposed(examples, target), predictions, seed=seed).of(0)
    return {**one, "reliability": found.groups}


def _reliability(
    examples: Examples, target: str, predictions: NDArray[np.float32], num_groups: int, seed: int
) -> Reliability:
    return reliability(
        examples.users, examples.labels[target], predictions, examples.weight, num_groups=num_groups, seed=seed
    )


def _slices(
    examples: Examples,
    rows: Exposed,
    predictions: NDArray[np.float32],
    *,
    seed: int,
    threshold: float,
    names: Names,
) -> list[dict[str, Any]]:
    found = []
    for grouping in groupings(examples, names):
        num = len(grouping.names)
        parts = measure(rows, predictions, seed=seed, threshold=threshold, slices=grouping.codes, num_slices=num)
        found += [{"group": grouping.name, "name": name, **parts.of(at)} for at, name in enumerate(grouping.names)]
    return found


def _choice(
    examples: Examples,
    scores: NDArray[np.float32],
    weights: Mapping[str, float],
    rivals: Sequence[Rival],
    share: float,
) -> dict[str, Any]:
    """`choice_value` of the value model's order, beside that of the first rival whose order is known."""
    labels = {target: np.nan_to_num(examples.labels[target]) for target in TARGETS}
    shown = Shown(
        examples.users,
        value(labels, weights).astype(np.float64),
        examples.propensities.astype(np.float64),
        examples.weight.astype(np.float64),
    )
    rival = next((rival for rival in rivals if rival.value is not None), None)
    try:
        found = choice_value(shown, scores, None if rival is None else rival.value, share=share)
    except PolicyError as error:
        return {"reason": str(error)}
    return _choice_numbers(found) | {"rival_title": None if rival is None else rival.title}


def _choice_numbers(found: ChoiceValue) -> dict[str, Any]:
    def known(estimate: Estimate | None) -> dict[str, float | None] | None:
        if estimate is None:
            return None
        return {name: None if np.isnan(number) else number for name, number in vars(estimate).items()}

    estimates = {name: known(getattr(found, name)) for name in ("drawn", "chosen", "rival", "difference")}
    sizes = ("share", "effective_exposures", "num_exposures")
    return {"reason": "", **estimates, **{name: getattr(found, name) for name in sizes}}


def _rival_measured(rows: Exposed, rival: Rival, seed: int) -> Measured | None:
    return None if rival.watched is None else measure(rows, rival.watched, seed=seed)


def _compared(rows: Exposed, own: Measured, rival: Rival, found: Measured | None) -> dict[str, Any]:
    named = {"name": rival.name, "title": rival.title, "reason": rival.reason}
    if found is None or rival.watched is None:
        return named
    return {
        **named,
        **found.of(0),
        "differences": {name: vars(difference(own, found, name)) for name in COMPARED},
        "curves": curves(rows.watched, rival.watched, rows.weight),
    }
