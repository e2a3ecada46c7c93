"""Exposures: one row is one impression joined with what its viewer did about that video within the label window."""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
from ibis.expr.types import Table

from feature_repo.catalogue import newest_videos
from feature_repo.due import in_parts
from feature_repo.lake_tables import LakeTables, open_tables
from homefeed import windows as names
from homefeed.settings import Settings
from homefeed.settings.features import FeatureSettings

#: Target -> the kinds of feedback that make it true.
FEEDBACK_TARGETS = {
    "liked": ("like",),
    "subscribed": ("subscribe",),
    "shared": ("share", "comment"),
    "dismissed": ("dislike", "not_interested", "report"),
}


@dataclass(frozen=True)
class ExposureReport:
    """What one publication left in the table: the windows, how many of their exposures were watched, the version."""

    windows: list[str]
    positive: int
    negative: int
    version: int


def publish_exposures(settings: Settings, windows: Sequence[str]) -> ExposureReport:
    """Join the impressions of `windows` with their label windows and replace exactly these windows.

    One commit holds about `engine.rows_at_once` impressions, and always whole windows: a day of a large site is more
    than the memory of one machine, and doing it again after a crash leaves the same table.

    Args:
      settings: the settings tree.
      windows: windows whose label windows have closed (`feature_repo.due`), in any order.

    Raises:
      LakeError: the table cannot be written.
    """
    wanted = sorted(set(windows))
    with open_tables(settings) as tables:
        if not wanted:
            return ExposureReport([], 0, 0, tables.lake.version("exposures"))
        version = -1
        for some in in_parts(tables.lake.num_rows("impressions"), wanted, settings.engine.rows_at_once):
            first, last = some[0], some[-1]
            impressions = _only(tables.table("impressions", first, last), some)
            rows = exposures(tables, impressions, first, last, settings.features)
            version = tables.replace("exposures", some, rows, order=("time", "event_id"))
        published = _only(tables.table("exposures", wanted[0], wanted[-1]), wanted)
        counts = published.aggregate(rows=published.count(), positive=published.watched.sum().fill_null(0))
        (found,) = tables.run(counts).to_pylist()
    return ExposureReport(wanted, found["positive"], found["rows"] - found["positive"], version)


def _only(rows: Table, wanted: Sequence[str]) -> Table:
    return rows if len(wanted) == len(names.span(wanted[0], wanted[-1])) else rows.filter(rows.window.isin(wanted))


def exposures(tables: LakeTables, impressions: Table, first: str, last: str, settings: FeatureSettings) -> Table:
    """The label join over windows `first` to `last`: `impressions` with the targets of `homefeed.features.TARGETS`.

    A reaction counts for every impression of the same viewer and video with
    `0 <= reaction.time - impression.time < label_window_s`. `watch_s` sums the watches that count, `watched` is true
    when one of them lasted at least `min_watch_s`. `completion` is null when the length of the video is unknown.
    """
    # The label window is at most one window long, so reactions of the next window are the last that can count.
    followed = _reactions(tables, first, names.shift(last, 1))
    shown = impressions.select("event_id", "user", "video", shown=impressions.time)
    pairs = shown.join(
        followed,
        [
            shown.user == followed.user,
            shown.video == followed.video,
            followed.time >= shown.shown,
            followed.time < shown.shown + ibis.interval(seconds=settings.label_window_s),
        ],
    )
    # Only the two of a hundred impressions that something followed are grouped; the rest never leave the scan.
    labels = pairs.group_by("event_id", "video").aggregate(
        watch_s=pairs.seconds.sum(),
        longest_s=pairs.seconds.max(),
        **{target: (pairs[target]).any() for target in FEEDBACK_TARGETS},
    )
    videos = newest_videos(tables.table("videos")).select("video", "duration_s")
    labels = labels.left_join(videos, "video").select(
        labeled=labels.event_id,
        watched=(labels.longest_s >= settings.min_watch_s).fill_null(False),
        watch_s=labels.watch_s.fill_null(0.0),
        # A video of length zero is complete as soon as it is watched at all.
        completion=ibis.cases(
            (labels.watch_s.fill_null(0.0) == 0.0, 0.0),
            (videos.duration_s.isnull(), ibis.null("float64")),
            (videos.duration_s <= labels.watch_s, 1.0),
            else_=labels.watch_s / videos.duration_s,
        ),
        **{target: labels[target] for target in FEEDBACK_TARGETS},
    )
    joined = impressions.left_join(labels, impressions.event_id == labels.labeled)
    missed = joined.labeled.isnull()
    return joined.select(
        *impressions.columns,
        watched=joined.watched.fill_null(False),
        watch_s=joined.watch_s.fill_null(0.0).cast("float32"),
        completion=missed.ifelse(0.0, joined.completion).cast("float32"),
        **{target: joined[target].fill_null(False) for target in FEEDBACK_TARGETS},
    )


def _reactions(tables: LakeTables, first: str, last: str) -> Table:
    """Watches and feedback in one shape, so that one join labels an impression with both."""
    watches, feedback = tables.table("watches", first, last), tables.table("feedback", first, last)
    watched = watches.select(
        "user", "video", "time", seconds=watches.seconds.cast("float64"), **dict.fromkeys(FEEDBACK_TARGETS, False)
    )
    said = feedback.select(
        "user",
        "video",
        "time",
        seconds=ibis.null("float64"),
        **{target: feedback.kind.isin(kinds) for target, kinds in FEEDBACK_TARGETS.items()},
    )
    return watched.union(said)
