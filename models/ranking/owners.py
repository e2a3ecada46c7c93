"""What a dense feature depends on: the viewer, the video, its channel, its topic, or viewer and video together."""

from homefeed.features import DENSE_FEATURES, ENTITIES, aggregate_columns

#: Features of the moment and of the viewer.
_OF_USER = ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "since_last_watch_h", "history_size")
PAIR = "pair"


def owner(name: str) -> str:
    """One of `ENTITIES` that a dense feature is of, or `PAIR` for one that is of viewer and video together."""
    if name in _OF_USER:
        return "user"
    if name == "video_duration_s":
        return "video"
    return next((entity for entity in ENTITIES if name in aggregate_columns(entity)), PAIR)


#: Owner of each of `DENSE_FEATURES`.
OWNERS = [owner(name) for name in DENSE_FEATURES]
#: Dense features of each owner, in order.
FEATURES_OF = {
    of: [name for name, its in zip(DENSE_FEATURES, OWNERS, strict=True) if its == of] for of in (*ENTITIES, PAIR)
}
#: Those of viewer and video together, and of the viewer alone.
PAIR_FEATURES, USER_FEATURES = FEATURES_OF[PAIR], FEATURES_OF["user"]
