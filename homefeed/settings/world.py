"""Knobs of the synthetic site."""

from homefeed.settings.group import Group, knob


class WorldSettings(Group):
    """Synthetic site."""

    num_viewers: int = knob(20_000, "Viewers of the site.", gt=0)
    num_videos: int = knob(20_000, "Videos at the end of the history.", gt=0)
    history_days: float = knob(2.0, "Days of history that the platform starts from.", "days", gt=0)
    visits_per_day: float = knob(
        1.5, "Mean visits of a viewer; the most active tenth makes most of them.", "visits", gt=0
    )
    slots_seen: float = knob(30.0, "Mean slots of a page that a viewer scrolls to.", "slots", gt=1, le=100)
    watched_share: float = knob(0.02, "Share of the history's impressions that make a counted watch.", gt=0, lt=0.5)
    uploads_per_day: float = knob(0.04, "Videos uploaded a day, as a share of `num_videos`.", gt=0, lt=1)
    live_days: float = knob(7.0, "Days after the history for which uploads are prepared.", "days", ge=0)
    viral_share: float = knob(0.01, "Share of the videos that go viral for half a day.", ge=0, lt=1)
    bot_share: float = knob(0.003, "Share of the viewers that are bots.", ge=0, lt=1)
    late_share: float = knob(0.04, "Share of the watches that start after the label window.", ge=0, lt=1)
    accident_rate: float = knob(0.003, "Share of the impressions that are clicked by accident.", ge=0, lt=1)
    accident_longest_s: float = knob(
        4.5, "Longest watch that follows a click by accident; from 5 s on some pass for wanted.", "s", gt=0.5, le=60
    )
    popular_first: float = knob(
        0.0,
        "How firmly the history's pages put popular videos at the top: 0 leaves the order to chance, with more "
        "the propensities of its slots are unknown.",
        ge=0,
    )
    delayed_rate: float = knob(0.002, "Share of the history's events that arrive up to an hour late.", ge=0, lt=1)
    duplicate_rate: float = knob(0.002, "Share of the history's events that are sent twice.", ge=0, lt=1)
    taste: float = knob(1.0, "How strongly tastes decide what is watched; 0 makes all viewers alike.", ge=0)
    drift_days: float = knob(
        6.0, "Days in which a viewer's drifting taste moves to another topic and back.", "days", gt=0
    )
    slot_bias: float = knob(0.35, "Fall of the log-odds of a watch per unit of ln(1 + slot).", ge=0)
    num_threads: int = knob(2, "Windows of history that are made at the same time.", gt=0)
    live_rate: float = knob(1.0, "Live visits as a multiple of the site's own rate.", gt=0)
    live_step_s: float = knob(2.0, "How often live viewers are sent.", "s", gt=0)
    live_concurrency: int = knob(8, "Live viewers that wait for a page at the same time.", gt=0)
    live_timeout_s: float = knob(15.0, "How long a live viewer waits for an answer.", "s", gt=0)
