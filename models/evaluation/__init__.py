"""Evaluation: how good a model is, on labels it never saw."""

from models.evaluation.interval import Interval, viewer_bootstrap
from models.evaluation.metrics import calibration, ndcg_at, normalised_entropy, pr_auc, quality, recall_at, roc_auc

__all__ = [
    "Interval",
    "calibration",
    "ndcg_at",
    "normalised_entropy",
    "pr_auc",
    "quality",
    "recall_at",
    "roc_auc",
    "viewer_bootstrap",
]
