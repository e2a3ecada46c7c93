"""Knobs of off-policy evaluation."""

from homefeed.settings.group import Group, knob


class EvaluationSettings(Group):
    """Off-policy evaluation from logged propensities."""

    max_unsupported: float = knob(
        0.01, "A policy that shows a larger share of what the log could never show is not estimated.", ge=0, le=1
    )
    chosen_share: float = knob(
        0.1,
        "Of the videos that could be drawn, the share that a new ranker chooses when its worth is estimated from what "
        "exploration showed.",
        gt=0,
        le=1,
    )
    policy_folds: int = knob(5, "Parts of a log; the model of the rewards never predicts a part that taught it.", gt=1)
    policy_l2: float = knob(
        1.0, "Penalty of the model of the rewards: one over the variance expected of an item's log-odds.", gt=0
    )
