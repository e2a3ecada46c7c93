"""Windowed aggregates: one row is one entity at the end of a window in which one of its sums changed.

A sum over a span changes when something happens and again when that leaves the span, so an entity has a row in each
window of its activity and one span later. A sum is what was counted until the row's window less what was counted until
its span began, so four spans cost one running sum. The newest row of an entity is therefore its exact value at any
time, however old the row is.
"""

import itertools
from collections.abc import Sequence

import ibis
from ibis.expr.types import IntegerColumn, Table

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
        grid = window_grid(wanted)
        bounds = grid["index"][0].as_py(), grid["index"][-1].as_py()
        events = _events(tables, names.shift(wanted[0], -LONGEST), wanted[-1], bounds, settings.features)
        sums = {entity: tables.keep(_sums(events, entity)) for entity in ("user", "video")}
        videos = newest_videos(tables.table("videos")).select("video", "channel", topic=lambda t: t.topics[0])
        described = sums["video"].left_join(videos, "video").drop("video_right")
        sums |= {entity: tables.keep(_sums(described, entity)) for entity in ("channel", "topic")}
        versions = {}
        for entity, table in tables_of.items():
            rows = aggregates(sums[entity], entity, bounds, tables.memory(grid))
            versions[table] = tables.replace(table, wanted, rows, order=(entity,))
        return versions


def aggregates(sums: Table, entity: str, bounds: tuple[int, int], grid: Table) -> Table:
    """Rows of `<entity>_aggregates` for the windows of `grid`.

    Args:
      sums: columns `entity`, `index` (start of the window / 600 s) and the measures, whole numbers (`watch_s` in
        milliseconds), so that a sum that loses all its parts is zero again.
      entity: name of the entity.
      bounds: index of the first and of the last wanted window.
      grid: columns `index`, `window`, `event_timestamp` of the wanted windows.
    """
    nothing = dict.fromkeys(MEASURES, ibis.literal(0.0))
    left = [sums.select(entity, index=sums["index"] + length, **nothing) for length in SPANS.values()]
    changes = ibis.union(sums, *(rows.filter(rows["index"].between(*bounds)) for rows in left))
    changes = changes.group_by(entity, "index").aggregate(**{m: changes[m].sum() for m in MEASURES})
    until = ibis.window(group_by=entity, order_by="index", rows=(None, 0))
    counted = changes.mutate(**{f"all_{m}": changes[m].sum().over(until) for m in MEASURES})
    before = ibis.struct({m: counted[f"all_{m}"] - counted[m] for m in MEASURES})
    within = {
        span: ibis.range_window(group_by=entity, order_by="index", preceding=length - 1, following=0)
        for span, length in SPANS.items()
        if length > 1
    }
    rows = counted.mutate(**{f"before_{span}": before.first().over(window) for span, window in within.items()})
    rows = rows.join(grid, "index")
    values = {}
    for span in SPANS:
        for m in MEASURES:
            value = rows[f"all_{m}"] - rows[f"before_{span}"][m] if span in within else rows[m]
            values[f"{entity}_{m}_{span}"] = (value / 1000.0 if m == "watch_s" else value).cast("float32")
    return rows.select("window", "event_timestamp", entity, **values)


def _sums(activity: Table, entity: str) -> Table:
    """Measures per entity and window; entities that are unknown (a video without catalogue row) are left out."""
    known = activity.filter(activity[entity].notnull())
    return known.group_by(entity, "index").aggregate(**{m: known[m].sum() for m in MEASURES})


def _events(tables: LakeTables, first: str, last: str, bounds: tuple[int, int], settings: FeatureSettings) -> Table:
    """What each event of windows `first` to `last` adds to the measures of its viewer and video."""
    impressions, watches, feedback = (tables.table(n, first, last) for n in ("impressions", "watches", "feedback"))
    counted = watches.filter(watches.seconds >= settings.min_watch_s)
    # In doubles: DuckDB would stay in floats, where a product is rounded before it is rounded.
    milliseconds = (counted.seconds.cast("float64") * 1000.0).round().cast("float64")
    parts = [
        _part(impressions, bounds, impressions=1.0),
        _part(counted, bounds, watches=1.0, watch_s=milliseconds),
        _part(
            feedback,
            bounds,
            likes=feedback.kind.isin(FEEDBACK_TARGETS["liked"]).cast("float64"),
            dismissals=feedback.kind.isin(FEEDBACK_TARGETS["dismissed"]).cast("float64"),
        ),
    ]
    return ibis.union(*parts)


def _part(events: Table, bounds: tuple[int, int], **measures: object) -> Table:
    return events.select(
        "user",
        "video",
        index=_when_it_counts(window_index(events.time), bounds),
        **{m: measures.get(m, ibis.literal(0.0)) for m in MEASURES},
    )


def _when_it_counts(index: IntegerColumn, bounds: tuple[int, int]) -> IntegerColumn:
    """`index`, or the newest one from which on all the same sums of the wanted windows hold.

    A span of a wanted window begins in `[first - length, last - length]` for one of the lengths. What happened between
    two of these ranges is in the same spans as if it had happened at once, and a week becomes few rows.
    """
    first, last = bounds
    for longer, shorter in itertools.pairwise(sorted(SPANS.values(), reverse=True)):
        begin, end = last - longer + 1, first - shorter - 1
        if begin < end:
            index = index.between(begin, end).ifelse(end, index)
    return index
