"""Exposures of one window with all that the online metrics count: one row is one exposure."""

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from feature_repo.catalogue import newest, newest_videos
from feature_repo.lake_tables import LakeTables, open_tables
from homefeed import windows
from homefeed.settings import Settings


def exposure_rows(settings: Settings, window: str) -> pa.Table:
    """Exposures of `window`, empty when there are none.

    Returns:
      `user`, `video`, `release`, `device`, `country` (null when no profile says it), `is_known` (whether the viewer
      watched anything in the `online.novelty_windows` before), `watched`, `watch_s`, `liked`, `subscribed`,
      `dismissed`, `commented` (a comment within the label window), `is_fresh` (uploaded within `serving.fresh_h`), and
      `is_novel` (watched to the end, and one of its topics is new to the viewer).
    """
    with open_tables(settings) as tables:
        shown = tables.keep(tables.table("exposures", window, window))
        videos = tables.keep(newest_videos(tables.table("videos")).select("video", "uploaded", "topics"))
        profiles = newest(tables.table("users"), "user").select("user", "country")
        before = tables.keep(_watched_topics(tables, shown, videos, settings, window))
        known = before.select("user").distinct().mutate(known=True)
        novel = _novel(shown, videos, before, settings.online.completed_share).mutate(novel=True)
        comments = _comments(tables, shown, settings, window).mutate(commented=True)
        fresh = ibis.interval(seconds=round(settings.serving.fresh_h * 3600))
        rows = (
            shown.left_join(videos.drop("topics"), "video")
            .drop("video_right")
            .left_join(profiles, "user")
            .drop("user_right")
            .left_join(known, "user")
            .drop("user_right")
            .left_join(novel, "event_id")
            .drop("event_id_right")
            .left_join(comments, "event_id")
        )
        return tables.run(
            rows.select(
                "user",
                "video",
                "device",
                "country",
                "watched",
                "watch_s",
                "liked",
                "subscribed",
                "dismissed",
                release=rows.release.fill_null(""),
                is_known=rows.known.fill_null(False),
                is_novel=rows.novel.fill_null(False),
                commented=rows.commented.fill_null(False),
                is_fresh=(rows.time - fresh < rows.uploaded).fill_null(False),
            )
        )


def _watched_topics(tables: LakeTables, shown: Table, videos: Table, settings: Settings, window: str) -> Table:
    """Viewer and topic of what the viewers of `shown` watched before `window`, each pair once."""
    first = windows.shift(window, -settings.online.novelty_windows)
    watches = tables.table("watches", first, windows.shift(window, -1)).semi_join(shown, "user")
    watches = watches.filter(watches.seconds >= settings.features.min_watch_s).select("user", "video").distinct()
    topics = watches.join(videos, "video").select("user", "topics")
    return topics.select("user", topic=topics.topics.unnest()).distinct()


def _novel(shown: Table, videos: Table, before: Table, completed_share: float) -> Table:
    """`event_id` of exposures that were watched to the end and have a topic that the viewer did not watch before."""
    ended = shown.filter(shown.watched, shown.completion >= completed_share)
    ended = ended.join(videos, "video").select("event_id", "user", "topics")
    return (
        ended.select("event_id", "user", topic=ended.topics.unnest())
        .anti_join(before, ["user", "topic"])
        .select("event_id")
        .distinct()
    )


def _comments(tables: LakeTables, shown: Table, settings: Settings, window: str) -> Table:
    """`event_id` of exposures whose viewer commented on the video within the label window."""
    said = tables.table("feedback", window, windows.shift(window, 1))
    said = said.filter(said.kind == "comment").select("user", "video", said_at=said.time)
    pairs = shown.select("event_id", "user", "video", "time")
    label_window = ibis.interval(seconds=settings.features.label_window_s)
    joined = pairs.join(
        said,
        [
            pairs.user == said.user,
            pairs.video == said.video,
            said.said_at >= pairs.time,
            said.said_at < pairs.time + label_window,
        ],
    )
    return joined.select("event_id").distinct()
