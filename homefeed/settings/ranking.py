"""Knobs of the multi-task ranker, its calibration and the value model."""

from typing import Literal

from homefeed.settings.group import Group, knob


class RankingSettings(Group):
    """Multi-task ranker, calibration and value model."""

    negative_rate: float = knob(
        0.1, "Share of missed exposures kept for training; the log-odds are corrected for it.", gt=0, le=1
    )
    history_length: int = knob(20, "Newest watches of the viewer that a candidate is compared with.", "videos", gt=0)
    max_train_rows: int = knob(1_500_000, "Newest exposures, after sampling, that training reads.", gt=0)
    max_epochs: int = knob(3, "Passes over the training exposures; the best one on validation is kept.", gt=0)
    batch_size: int = knob(1024, "Exposures per step.", gt=1)
    min_steps: int = knob(100, "Least steps of one pass: a small log is learned in smaller batches.", gt=0)
    min_training_steps: int = knob(
        2400, "Least steps of the whole training: a small log is passed over more often than `max_epochs`.", gt=0
    )
    learning_rate: float = knob(
        0.003, "Largest step size of Adam: it rises to it at first, then falls to nothing.", gt=0
    )
    full_training_hour: int = knob(
        3,
        "At the first window after this hour of the day training starts anew; else it goes on.",
        "UTC",
        ge=0,
        le=23,
    )
    incremental_epochs: int = knob(
        1, "Passes over the newest exposures and those replayed when training goes on from the last one.", gt=0
    )
    incremental_learning_rate: float = knob(
        0.00015, "Largest step size of Adam when training goes on from the last one.", gt=0
    )
    replay_share: float = knob(
        0.5,
        "Share of what is learned that is of windows learned before, drawn at random, when training goes on from the "
        "last one.",
        ge=0,
        lt=1,
    )
    max_older_ne_ratio: float = knob(
        1.01,
        "What an hour taught is refused when the normalised entropy of the hour before, which it did not replay, grows "
        "by more than this factor; the weights stay, and the next training starts anew.",
        ge=1,
    )
    max_eval_rows: int = knob(
        150_000, "Exposures of the holdout that are measured: all of viewers drawn at random.", gt=0
    )
    max_tree_rows: int = knob(300_000, "Newest exposures that the tree learns which the ranker is compared with.", gt=0)
    position: Literal["tower", "none", "feature"] = knob(
        "tower",
        "What is done about the slot: `tower`, a shallow tower of its own that is not asked when a page is ranked; "
        "`none`, nothing; `feature`, a feature like any other, the first slot when a page is ranked.",
    )
    slot_dropout: float = knob(
        0.1,
        "Share of training exposures whose slot is hidden from the shallow tower, as it is when a page is ranked.",
        ge=0,
        lt=1,
    )
    gate_dropout: float = knob(
        0.0,
        "Share of the experts that a head does without in a step of training; the others make up for it.",
        ge=0,
        lt=1,
    )
    validation_windows: int = knob(
        12,
        "Newest closed windows kept out of training: they choose the epoch and fit the calibrators.",
        "windows",
        gt=0,
    )
    holdout_windows: int = knob(
        12, "Newest closed windows that neither training nor calibration sees: the reported quality.", "windows", gt=0
    )
    isotonic_positives: int = knob(
        10_000,
        "With this many positives a head is calibrated by isotonic regression, with fewer by Platt's line.",
        gt=0,
    )
    platt_positives: int = knob(50, "With fewer positives than this a head is only scaled to the observed rate.", gt=0)
    refit_windows: int = knob(
        36,
        "Newest closed windows that the calibrators and corrections of a release are fitted to again.",
        "windows",
        gt=0,
    )
    refit_positives: int = knob(
        200,
        "Positives in those windows that it takes to fit a head again, or the corrections; with fewer they stay.",
        gt=0,
    )
    refit_check_positives: int = knob(
        20, "Positives that the newest window has to hold, which decides whether a new calibrator is better.", gt=0
    )
    correction_certainty: float = knob(
        100.0,
        "Promised watches of a video, seen in the windows of a refit, that count as much as the promise itself when it "
        "is corrected; for the few that go viral two are enough.",
        "watches",
        gt=0,
        allow_inf_nan=False,
    )
    correction_viral_share: float = knob(
        0.002, "Share of videos that may be watched a multiple of what is promised: those that go viral.", gt=0, lt=1
    )
    value_watched: float = knob(1.0, "Worth of a watch.", "per watch", ge=0, allow_inf_nan=False)
    value_watch_s: float = knob(0.005, "Worth of a second watched.", "per s", ge=0, allow_inf_nan=False)
    value_completion: float = knob(
        0.5, "Worth of watching a video to its end.", "per completion", ge=0, allow_inf_nan=False
    )
    value_liked: float = knob(2.0, "Worth of a like.", "per like", ge=0, allow_inf_nan=False)
    value_subscribed: float = knob(4.0, "Worth of a subscription.", "per subscription", ge=0, allow_inf_nan=False)
    value_shared: float = knob(3.0, "Worth of a share or a comment.", "per share", ge=0, allow_inf_nan=False)
    value_dismissed: float = knob(
        -5.0, "Worth of a dislike, a not_interested or a report.", "per dismissal", le=0, allow_inf_nan=False
    )
