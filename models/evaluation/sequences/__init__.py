"""Evaluation of retrieval on a plain public log: the published protocols, two baselines, and the seam for a model.

Nothing here reads or writes the platform's state, and nothing here imports tensorflow.
"""

from models.evaluation.sequences.errors import EvaluationError
from models.evaluation.sequences.log import SequenceLog
from models.evaluation.sequences.recommender import Histories, Recommender

__all__ = ["EvaluationError", "Histories", "Recommender", "SequenceLog"]
