"""Knobs of the label join and of the features."""

from homefeed.settings.group import Group, knob


class FeatureSettings(Group):
    """Exposures and features."""

    label_window_s: int = knob(
        600, "A watch that starts this long after the impression, or later, does not count for it.", "s", gt=0, le=600
    )
    min_watch_s: float = knob(5.0, "A shorter watch does not make an exposure positive.", "s", ge=0)
    bot_watches: int = knob(
        5, "Counted watches from which on a viewer who watches only for moments is taken for a bot.", "watches", gt=0
    )
    bot_watch_s: float = knob(
        10.0, "A viewer is a bot when half of the watches are shorter; 0 leaves such viewers in.", "s", ge=0
    )
    bot_impressions_per_h: int = knob(
        5_000, "A viewer with more in an hour is a bot: fifty pages scrolled to their end.", "impressions/h", gt=0
    )
    history_length: int = knob(50, "Watches kept in the viewer's history, newest last.", "videos", gt=0)
    watched_length: int = knob(1000, "Watched videos kept per viewer so that they are not shown again.", "videos", gt=0)
    online_url: str = knob(
        "", "Redis that holds viewers' rows, as `host:port,option=value`; empty means SQLite at `var/feast/online.db`."
    )
    feast_registry_url: str = knob(
        "",
        "SQLAlchemy URL of Feast's registry, such as `postgresql+psycopg://user:password@host/feast`; empty means "
        "the file `var/feast/registry.db`.",
    )
    online_batch_size: int = knob(
        2000, "Viewers written to the online store in one transaction, so that readers never wait long.", "rows", gt=0
    )
    kept_snapshots: int = knob(6, "Snapshots of candidate features kept on disk, newest first.", "files", gt=0)
