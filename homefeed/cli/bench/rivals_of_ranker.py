"""The rivals that the ranker is measured beside, on the same exposures and features and calibrated alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings

if TYPE_CHECKING:
    from models.ranking.examples import Examples

RIVALS = {
    "ranker": "the ranker",
    "tree": "a gradient-boosted tree on the same features, calibrated alike",
    "linear": "a logistic regression on the same features, calibrated alike",
}


def compared(
    settings: Settings,
    train: "Examples",
    validation: "Examples",
    holdout: "Examples",
    ranker: Sequence[NDArray[np.float32]],
) -> dict[str, float]:
    """Normalised entropy and PR-AUC of the watches [n] that the ranker predicts, the mean over its trainings, and of
    the two rivals', trained here."""
    from models.evaluation import normalised_entropy, pr_auc
    from models.ranking.baseline import tree_predictions
    from models.ranking.linear import linear_predictions

    watched = holdout.labels["watched"] > 0
    promised = {
        "ranker": ranker,
        "tree": [tree_predictions(settings, train, validation, holdout)],
        "linear": [linear_predictions(settings, train, validation, holdout)],
    }
    ne = {name: float(np.mean([normalised_entropy(watched, p) for p in each])) for name, each in promised.items()}
    area = {name: float(np.mean([pr_auc(watched, p) for p in each])) for name, each in promised.items()}
    return {
        **{f"{name}_ne": value for name, value in ne.items()},
        **{f"{name}_pr_auc": value for name, value in area.items()},
        "ne_to_best_rival": ne["ranker"] / min(ne["tree"], ne["linear"]),
        "pr_auc_to_best_rival": area["ranker"] / max(area["tree"], area["linear"]),
    }
