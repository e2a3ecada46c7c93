"""Windowed aggregates: one row is one entity at the end of a window in which one of its sums changed.

A sum over a span changes when something happens and again when that leaves the span, so each activity is written as a
rise in its own window and a fall one span later; a running sum over these steps is the aggregate. The newest row of an
entity is therefore its exact value at any time, however old the row is.
"""

from collections.abc import Sequence

import ibis
from ibis.expr.types import Table

from feature_repo.catalogue import newest_videos
from feature_repo.due import changed_windows
from feature_repo.exposures import FEEDBACK_TARGETS
from feature_repo.lake_tables import LakeTables, open_tables, window_grid, window_index
from homefeed import windows as names
from homefeed.features import ENTITIES, MEASURES, SPANS
from homefeed.settings import Settings
from homefeed.settings.features import FeatureSettings

LONGEST = max(SPANS.values())


def publish_aggregates(settings: Settings, windows: Sequence[str]) -> dict[str, int]:
    """Bring the four aggregate tables up to date after events of `windows` changed.

    Besides `windows` this replaces later windows that their events still count in, and windows since the newest
    published one, in one commit per table.

    Returns:
      Version of each table after the commit.
    """
    with open_tables(settings) as tables:
        tables_of = {entity: f"{entity}_aggregates" for entity in ENTITIES}
        published = sorted({w for table in tables_of.values() for w in tables.lake.windows(table)})
        wanted = changed_windows(windows, published, LONGEST)
        if not wanted:
            return {table: tables.lake.version(table) for table in tables_of.values()}
        first, last = wanted[0], wanted[-1]
        windows_wanted = window_grid(wanted)
        grid, first_index = tables.memory(windows_wanted), windows_wanted["index"][0].as_py()
        activity = tables.keep(_activity(tables, names.shift(first, -LONGEST), last, settings.features))
        videos = newest_videos(tables.table("videos")).select("video", "channel", topic=lambda t: t.topics[0])
        of_video = tables.keep(_sums(activity, ["video"]).left_join(videos, "video").drop("video_right"))
        versions = {}
        for entity, table in tables_of.items():
            sums = _sums(activity if entity == "user" else of_video, [entity])
            rows = aggregates(tables.keep(sums), entity, first_index, grid)
            versions[table] = tables.replace(table, wanted, rows, order=(entity,))
        return versions


def aggregates(sums: Table, entity: str, first: int, grid: Table) -> Table:
    """Rows of `<entity>_aggregates` for the windows of `grid`.

    Args:
      sums: columns `entity`, `index` (start of the window / 600 s) and the measures, whole numbers (`watch_s` in
        milliseconds), so that a sum that loses all its parts is zero again.
      entity: name of the entity.
      first: index of the first wanted window; sums before it are the opening balance.
      grid: columns `index`, `window`, `event_timestamp` of the wanted windows.
    """
    longer = {span: length for span, length in SPANS.items() if length > 1}
    past = sums.filter(sums["index"] < first)
    opening = past.group_by(entity).aggregate(
        **{
            f"open_{measure}_{span}": past[measure].sum(where=past["index"] >= first - length)
            for span, length in longer.items()
            for measure in MEASURES
        }
    )
    rows = _rows(sums, entity, grid)
    for span, length in longer.items():
        left = sums.select(entity, index=sums["index"] + length, **{f"left_{m}_{span}": sums[m] for m in MEASURES})
        rows = rows.left_join(left, [entity, "index"]).drop(f"{entity}_right", "index_right")
    rows = rows.left_join(opening, entity).drop(f"{entity}_right")
    running = ibis.window(group_by=entity, order_by="index", rows=(None, 0))
    values = {}
    for span in SPANS:
        for measure in MEASURES:
            value = rows[measure]
            if span in longer:
                change = value - rows[f"left_{measure}_{span}"].fill_null(0.0)
                value = change.sum().over(running) + rows[f"open_{measure}_{span}"].fill_null(0.0)
            values[f"{entity}_{measure}_{span}"] = (value / 1000.0 if measure == "watch_s" else value).cast("float32")
    return rows.select("window", "event_timestamp", entity, **values)


def _rows(sums: Table, entity: str, grid: Table) -> Table:
    """One row per entity and wanted window in which one of its sums changes, with what happened in that window."""
    zero = dict.fromkeys(MEASURES, ibis.literal(0.0))
    changes = [sums] + [
        sums.select(entity, index=sums["index"] + length, **zero).semi_join(grid, "index") for length in SPANS.values()
    ]
    joined = ibis.union(*changes).join(grid, "index")
    return joined.group_by(entity, "index", "window", "event_timestamp").aggregate(
        **{m: joined[m].sum() for m in MEASURES}
    )


def _sums(activity: Table, keys: Sequence[str]) -> Table:
    """Measures per `keys` and window; entities that are unknown (a video without catalogue row) are left out."""
    known = activity.filter(*(activity[key].notnull() for key in keys))
    return known.group_by(*keys, "index").aggregate(**{m: known[m].sum() for m in MEASURES})


def _activity(tables: LakeTables, first: str, last: str, settings: FeatureSettings) -> Table:
    """Measures per user, video and window, of the events of windows `first` to `last`."""
    impressions, watches, feedback = (tables.table(n, first, last) for n in ("impressions", "watches", "feedback"))
    counted = watches.filter(watches.seconds >= settings.min_watch_s)
    parts = [
        _part(impressions, impressions=1.0),
        _part(counted, watches=1.0, watch_s=(counted.seconds * 1000.0).round().cast("float64")),
        _part(
            feedback,
            likes=feedback.kind.isin(FEEDBACK_TARGETS["liked"]).cast("float64"),
            dismissals=feedback.kind.isin(FEEDBACK_TARGETS["dismissed"]).cast("float64"),
        ),
    ]
    return _sums(ibis.union(*parts), ["user", "video"])


def _part(events: Table, **measures: object) -> Table:
    return events.select(
        "user", "video", index=window_index(events.time), **{m: measures.get(m, ibis.literal(0.0)) for m in MEASURES}
    )
