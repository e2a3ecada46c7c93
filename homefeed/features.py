"""Names of the features: the contract between those who compute, train on and serve them.

An aggregate is named `<entity>_<measure>_<span>`: `video_watches_1h` counts the watches in the last six windows.
"""

ENTITIES = ("user", "video", "channel", "topic")
#: Span of an aggregate -> how many windows it sums.
SPANS = {"10m": 1, "1h": 6, "24h": 144, "7d": 1008}
#: What is summed. A watch counts from `features.min_watch_s` on; a dismissal is a dislike, not_interested or report.
MEASURES = ("impressions", "watches", "watch_s", "likes", "dismissals")
#: Targets of an exposure, each learned by one head.
TARGETS = ("watched", "watch_s", "completion", "liked", "subscribed", "shared", "dismissed")
#: What the ranker reads of a viewer; the sets of videos not to show again are for serving only.
RANKING_STATE = (
    "country",
    "language",
    "age",
    "history_videos",
    "history_times",
    "history_fractions",
    "subscribed_channels",
)
#: Computed from one request and its candidates by `models.request_features`, the same for training and serving.
REQUEST_FEATURES = (
    "hour_sin",
    "hour_cos",
    "weekday_sin",
    "weekday_cos",
    "video_age_h",
    "video_duration_s",
    "since_last_watch_h",
    "history_size",
    "user_topic_affinity",
    "user_side_topic_affinity",
    "user_channel_affinity",
    "user_language_affinity",
    "subscribed_topic_share",
    "same_language",
    "is_subscribed",
)


def aggregate_columns(entity: str) -> list[str]:
    """Columns of `<entity>_aggregates`, in order."""
    return [f"{entity}_{measure}_{span}" for span in SPANS for measure in MEASURES]


#: Every dense feature of the ranker, in the order of its input columns.
DENSE_FEATURES = [*(c for entity in ENTITIES for c in aggregate_columns(entity)), *REQUEST_FEATURES]
