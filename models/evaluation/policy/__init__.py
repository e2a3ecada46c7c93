"""Off-policy evaluation: what a policy would have been worth, from what another one showed and its logged propensities.

Nothing here reads or writes the platform's state, and nothing here imports tensorflow.
"""

from models.evaluation.policy.errors import PolicyError
from models.evaluation.policy.estimators import direct_method, doubly_robust, ips, snips
from models.evaluation.policy.likelihood import Estimate, ratio
from models.evaluation.policy.page import PageValue, Slots, page_value
from models.evaluation.policy.rounds import Rounds
from models.evaluation.policy.slot_policy import SlotPolicy

__all__ = [
    "Estimate",
    "PageValue",
    "PolicyError",
    "Rounds",
    "SlotPolicy",
    "Slots",
    "direct_method",
    "doubly_robust",
    "ips",
    "page_value",
    "ratio",
    "snips",
]
