"""Off-policy evaluation: what a policy would have been worth, from what another one showed and its logged propensities.

Nothing here reads or writes the platform's state, and nothing here imports tensorflow.
"""

from models.evaluation.policy.choice import ChoiceValue, Shown, choice_value
from models.evaluation.policy.errors import PolicyError, UnsupportedError
from models.evaluation.policy.estimators import direct_method, doubly_robust, ips, snips
from models.evaluation.policy.likelihood import Estimate, ratio
from models.evaluation.policy.page import PageValue, Slots, page_value
from models.evaluation.policy.rounds import Rounds
from models.evaluation.policy.slot_policy import SlotPolicy

__all__ = [
    "ChoiceValue",
    "Estimate",
    "PageValue",
    "PolicyError",
    "Rounds",
    "Shown",
    "SlotPolicy",
    "Slots",
    "UnsupportedError",
    "choice_value",
    "direct_method",
    "doubly_robust",
    "ips",
    "page_value",
    "ratio",
    "snips",
]
