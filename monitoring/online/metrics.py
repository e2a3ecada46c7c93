"""The online metrics: each is a ratio of two sums of a viewer, so that its interval is over viewers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
      name: as it is stored.
      numerator, denominator: names of summed columns; `viewers` counts viewers.
      meaning: one sentence.
      of: `exposures` or `sessions`: which rows are summed.
    """

    name: str
    numerator: str
    denominator: str
    meaning: str
    of: str = "exposures"


METRICS = (
    Metric("click_through", "watched", "impressions", "Watched exposures per impression."),
    Metric("missed_share", "missed", "impressions", "Impressions that were not watched."),
    Metric("watch_s_per_viewer", "watch_s", "viewers", "Seconds watched per viewer."),
    Metric("long_views_per_viewer", "watched", "viewers", "Watched exposures per viewer."),
    Metric("likes_per_viewer", "liked", "viewers", "Liked exposures per viewer."),
    Metric("subscriptions_per_viewer", "subscribed", "viewers", "Exposures per viewer that led to a subscription."),
    Metric("comments_per_viewer", "commented", "viewers", "Commented exposures per viewer."),
    Metric("dismissals_per_viewer", "dismissed", "viewers", "Dismissed exposures per viewer."),
    Metric("conversion", "watched_and_subscribed", "watched", "Watched exposures that led to a subscription."),
    Metric(
        "novelty", "is_novel", "viewers", "Videos watched to the end, per viewer, with a topic that was new to them."
    ),
    Metric("fresh_share", "is_fresh", "impressions", "Impressions of videos uploaded within `serving.fresh_h`."),
    Metric("watch_s_per_session", "watch_s", "sessions", "Seconds watched per session that ended.", "sessions"),
    Metric(
        "successful_sessions",
        "is_successful",
        "sessions",
        "Sessions that ended with at least `online.successful_session_s` watched and nothing dismissed.",
        "sessions",
    ),
)
#: Metrics of all impressions of a group at once; they have no slices.
SPREAD = {
    "coverage": "Distinct videos shown over videos that can be served.",
    "concentration": "Share of the impressions that the most shown `online.top_share` of the catalogue got.",
}
MEANING = {**{metric.name: metric.meaning for metric in METRICS}, **SPREAD}
