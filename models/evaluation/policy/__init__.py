"""Off-policy evaluation: what a policy would have been worth, from what another one showed and its logged propensities.

Nothing here reads or writes the platform's state, and nothing here imports tensorflow.
"""

from models.evaluation.policy.choice import ChoiceValue, Shown, choice_value
from models.evaluation.policy.errors import PolicyError, UnsupportedError
from models.evaluation.policy.estimators import direct_method, doubly_robust, ips, snips
from models.evaluation.policy.likelihood import Estimate, ratio
from models.evaluation.policy.rounds import Rounds

__all__ = [
    "ChoiceValue",
    "Estimate",
    "PolicyError",
    "Rounds",
    "Shown",
    "UnsupportedError",
    "choice_value",
    "direct_method",
    "doubly_robust",
    "ips",
    "ratio",
    "snips",
]
