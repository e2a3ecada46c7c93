"""Knobs of the gates and of the stages of a release."""

from homefeed.settings.group import Group, knob


class RolloutSettings(Group):
    """Gates and stages of a release."""

    canary_share: float = knob(0.1, "Share of viewers that a CANARY release answers.", gt=0, lt=1)
    ramp_share: float = knob(0.5, "Share of viewers that a RAMP release answers.", gt=0, lt=1)
    dwell_s: float = knob(600.0, "Least time in a stage before the next one.", "s", ge=0)
    max_wait_s: float = knob(
        86_400.0, "A CANARY or RAMP release that is undecided for longer gives way to a newer one.", "s", gt=0
    )

    approval: bool = knob(False, "Whether a person has to approve a CANARY release before it becomes RAMP.")
    approval_timeout_s: float = knob(
        86_400.0, "How long an approval may take; a release that nobody answers for is rolled back.", "s", gt=0
    )

    evaluation_windows: int = knob(
        12, "Newest closed windows, none of them trained on, that the offline gates read.", "windows", gt=0
    )
    max_rows: int = knob(100_000, "With more exposures than this the offline gates sample the missed ones.", gt=0)
    min_rows: int = knob(5_000, "With fewer exposures the offline gates wait.", gt=0)
    min_positives: int = knob(100, "With fewer positive exposures the offline gates wait.", gt=0)
    min_reaction_positives: int = knob(
        500,
        "A head beside watched is held to its calibration when at least so many exposures had its reaction: the "
        "interval of fewer is not to be believed.",
        gt=0,
    )
    min_offline_viewers: int = knob(200, "With fewer viewers behind the exposures the offline gates wait.", gt=1)
    confidence: float = knob(0.95, "Confidence of the intervals of the offline gates.", gt=0.5, lt=1)
    undecided_wait_s: float = knob(
        1_800.0,
        "How long in SHADOW an offline comparison that its exposures do not decide waits for more; then it passes if "
        "no harm was shown.",
        "s",
        ge=0,
    )
    parity_pages: int = knob(1_000, "Newest pages whose logged features are recomputed.", "pages", gt=0)
    min_parity_vectors: int = knob(100, "With fewer logged feature vectors training/serving parity waits.", gt=0)
    max_skew_share: float = knob(
        0.001, "Share of the feature vectors that may differ between training and serving.", ge=0, lt=1
    )
    contract_windows: int = knob(
        144, "Newest windows that must keep the input contract before a model is trained.", "windows", gt=0
    )
    max_quarantined_share: float = knob(0.01, "Share of the events that may break the schema.", ge=0, lt=1)
    max_late_share: float = knob(
        0.05, "Share of the events that may arrive after the exposures they belong to were published.", ge=0, lt=1
    )
    max_empty_windows: int = knob(
        3, "Windows in a row without an impression, on a site that has some in nearly every other.", "windows", ge=0
    )
    volume_band: float = knob(
        0.3, "How far the impressions may be from the median of the same hours of earlier weeks, relative.", gt=0, lt=1
    )
    min_volume_weeks: int = knob(3, "With fewer earlier weeks there is no volume to compare with.", "weeks", gt=0)
    min_volume: int = knob(
        10_000, "An hour with a lower median of impressions is only compared as a part of its day.", gt=0
    )

    replayed_exposures: int = knob(
        2_000, "Exposures whose features are counted again from the events before them.", "exposures", gt=1
    )
    ne_margin: float = knob(
        0.01, "How much worse than live (relative) the normalised entropy of the ranker may be.", ge=0
    )
    ndcg_margin: float = knob(0.01, "How much lower than live (relative) the NDCG of pages at 100 may be.", ge=0)
    recall_margin: float = knob(
        0.2,
        "How much lower than live (relative) the recall at 100 of the retriever may be, on watches that live's own "
        "pages led to.",
        ge=0,
    )
    slice_margin: float = knob(
        0.05, "How much worse than live (relative) the normalised entropy of a slice of the exposures may be.", ge=0
    )
    min_slice_viewers: int = knob(
        500,
        "A slice with fewer viewers waits; after `undecided_wait_s` it is named as not judged and holds nothing.",
        gt=1,
    )
    min_calibration: float = knob(0.95, "Predicted over observed: a release that is surely below fails.", gt=0)
    max_calibration: float = knob(1.05, "Predicted over observed: a release that is surely above fails.", gt=0)
    ece_slack: float = knob(
        0.005, "How far above chance the expected calibration error may be: the 99th percentile of its null.", ge=0
    )
    min_spread: float = knob(
        0.1,
        "Least spread of the scores, as a share of live's: a release that was calibrated on live pages, where every "
        "video is a good one, spreads less than one that was calibrated on a history.",
        ge=0,
        le=1,
    )
    max_identical_share: float = knob(
        0.01, "Largest share of the videos that may have one and the same vector.", gt=0, le=1
    )
    min_index_recall: float = knob(0.95, "Least index recall at 1,000 against exact search.", ge=0, le=1)
    index_recall_margin: float = knob(0.005, "How much lower than live's the index recall may be.", ge=0, le=1)
    max_drifted_share: float = knob(
        0.95, "With a larger share of drifted features a release is held; a smaller one is only reported.", gt=0, le=1
    )
    max_prediction_drift: float = knob(
        1.0,
        "Drift of the predictions that holds a release: Wasserstein distance over the reference's deviation.",
        "sd",
        gt=0,
    )

    min_shadow_pages: int = knob(500, "With fewer pages made in shadow a SHADOW release waits.", gt=0)
    max_shadow_error_share: float = knob(
        0.005, "A release with surely more failed shadow pages is rolled back.", ge=0, lt=1
    )
    max_shadow_latency_ratio: float = knob(
        3.0, "A shadow page whose median latency is more times that of the live pages holds the release.", gt=0
    )
    min_coverage: float = knob(
        0.9, "Least number of different videos on shadow pages, as a share of those on live's pages.", ge=0
    )
    max_concentration_gain: float = knob(
        0.05, "How much larger than live's the share of the slots with the 20 videos shown most may be.", ge=0, le=1
    )
    min_shadow_overlap: float = knob(
        0.02, "Least mean share of videos that a shadow page has in common with the live page.", ge=0, le=1
    )

    load_test: bool = knob(
        False,
        "Whether a release passes a load test before CANARY: `deploy_release` runs it, in a service of its own, on the "
        "machine of the task.",
    )
    load_peak: float = knob(
        20.0,
        "Pages a second at the peak that one service process is planned for: a load test asks for 1.5 times and 3 "
        "times as many, a rollback drill for as many.",
        "pages/s",
        gt=0,
    )
    load_s: float = knob(20.0, "How long each of the two loads of a load test is kept up.", "s", gt=0)
    load_p99_ms: float = knob(
        200.0, "99 in 100 pages of 1.5 times the peak must be answered within this time.", "ms", gt=0
    )
    load_rss_gib: float = knob(8.0, "Resident memory that the service may have under 1.5 times the peak.", "GiB", gt=0)
    rollback_s: float = knob(
        5.0, "Within this time of an order to roll back every service answers with the release before.", "s", gt=0
    )

    min_viewers: int = knob(1_000, "With fewer viewers in either arm an online gate waits.", gt=1)
    max_viewers: int = knob(
        25_000, "With this many viewers in each arm and still no harm shown, an online gate passes.", gt=1
    )
    false_alarm: float = knob(
        0.05,
        "Chance that a release as good as live is ever rolled back by the online gates, all looks taken.",
        gt=0,
        lt=1,
    )
    canary_budget: float = knob(0.8, "Part of `false_alarm` that is spent in CANARY; RAMP has the rest.", gt=0, lt=1)
    long_views_budget: float = knob(
        0.675, "Part of a stage's false alarms that long views per viewer have.", gt=0, lt=1
    )
    watch_time_budget: float = knob(
        0.175, "Part of a stage's false alarms that watch time has; the three other checks share the rest.", gt=0, lt=1
    )
    watched_margin: float = knob(0.01, "How much lower (relative) watch time and long views per viewer may be.", ge=0)
    dismissed_margin: float = knob(0.02, "How many more dismissals (relative) a canary's viewers may send.", ge=0)
    error_margin: float = knob(0.001, "How much larger the share of failed or degraded pages may be.", ge=0)
    slow_margin: float = knob(0.005, "How much larger the share of pages over the latency budget may be.", ge=0)
    latency_budget_ms: float = knob(200.0, "A page that takes longer is slow.", "ms", gt=0)
    min_sample_ratio_p: float = knob(
        0.001, "A less likely split of viewers between the arms means that the assignment is broken.", gt=0, lt=1
    )
    max_live_error_share: float = knob(
        0.05, "A live release with surely more failed pages in an hour is rolled back.", gt=0, lt=1
    )
