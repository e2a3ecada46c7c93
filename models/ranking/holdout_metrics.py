"""The metrics of a training: what the registry, the gates and the list of trainings read of a whole evaluation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, TARGETS
from models.evaluation import calibration, quality
from models.ranking.examples import Examples
from models.training import measured

#: Measures of the watched head, of `models.evaluation.measures`, that are metrics of the training.
SUMMARY = ("grouped_auc", "ndcg_at_100", "watch_time_loss", "precision", "recall", "f1")


def holdout_metrics(
    holdout: Examples,
    heads: Mapping[str, NDArray[np.float32]],
    tree: NDArray[np.float32] | None,
    evaluation: dict[str, Any],
) -> dict[str, Any]:
    """The metrics that travel with the training, out of `evaluation_of`."""
    labels, weight, measures = holdout.labels, holdout.weight, evaluation["watched"]["measures"]
    promised = {t: calibration(np.nan_to_num(labels[t]), np.where(np.isnan(labels[t]), 0, heads[t])) for t in TARGETS}
    bounds = {
        name: (measures[name]["low"], measures[name]["high"])
        for name in ("roc_auc", "pr_auc", "ne", "calibration", *SUMMARY)
    }
    own = quality(labels["watched"], heads["watched"], weight)
    of_tree = dict.fromkeys(own) if tree is None else quality(labels["watched"], tree, weight)
    return {
        **own,
        **{name: measures[name]["estimate"] for name in SUMMARY},
        "threshold": evaluation["threshold"],
        "intervals": {name: None if low is None else [low, high] for name, (low, high) in bounds.items()},
        "calibration_by_head": measured(promised),
        "calibration_by_slice": measured(calibration_by_slice(holdout, heads["watched"])),
        **{f"gbt_{name}": number for name, number in of_tree.items()},
    }


def calibration_by_slice(examples: Examples, predictions: NDArray[np.float32]) -> dict[str, float]:
    """Calibration of predicted watches for viewers without and with a history, and for videos younger and older than
    a day."""
    new_viewer = examples.inputs.dense[:, DENSE_FEATURES.index("history_size")] == 0
    fresh = examples.inputs.dense[:, DENSE_FEATURES.index("video_age_h")] < 24
    slices = {"new_viewers": new_viewer, "known_viewers": ~new_viewer, "fresh_videos": fresh, "older_videos": ~fresh}
    return {name: calibration(examples.labels["watched"][rows], predictions[rows]) for name, rows in slices.items()}
