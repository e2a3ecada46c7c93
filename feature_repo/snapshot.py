"""Snapshot: one Arrow file of all servable videos with their features at the end of a window.

Candidates are columns: serving maps the newest file into memory and never asks a store about a candidate.
"""

from pathlib import Path

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from feature_repo.catalogue import newest_videos
from feature_repo.lake_tables import LakeTables, open_tables
from homefeed import windows as names
from homefeed.features import SPANS, aggregate_columns
from homefeed.settings import Settings
from homefeed.snapshot_versions import with_versions

#: Columns of the catalogue in a snapshot, in order; `topic` is the main topic.
CONTENT = (
    "video",
    "video_id",
    "channel",
    "channel_id",
    "title",
    "topics",
    "topic",
    "duration_s",
    "language",
    "uploaded",
    "countries",
    "min_age",
)
ENTITIES = ("video", "channel", "topic")
#: Tables whose versions a snapshot names: its own, and those of the viewers' rows that were published with it.
MADE_FROM = ("videos", "user_state", *(f"{entity}_aggregates" for entity in ("user", *ENTITIES)))
_SUFFIX = ".arrow"


def write_snapshot(settings: Settings, window: str) -> Path:
    """Write the snapshot at the end of `window`, and drop all but the newest `features.kept_snapshots`.

    Returns:
      Path of the file: `<window>.arrow`, uncompressed Arrow IPC sorted by `video`; it appears whole or not at all.
    """
    with open_tables(settings) as tables:
        rows = tables.run(candidates(tables, window)).combine_chunks()
        versions = {table: tables.lake.version(table) for table in MADE_FROM}
    rows = with_versions(rows, versions)
    folder = settings.snapshots_path
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / f"{window}{_SUFFIX}", folder / f".{window}.draft"
    with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    draft.replace(path)
    for old in _snapshots(settings)[: -settings.features.kept_snapshots]:
        old.unlink(missing_ok=True)
    return path


def newest_snapshot(settings: Settings) -> Path | None:
    """The snapshot of the newest window; None before the first."""
    return next(reversed(_snapshots(settings)), None)


def candidates(tables: LakeTables, window: str) -> Table:
    """Videos that may be shown at the end of `window`, with aggregates of video, channel and topic (0 when none)."""
    videos = newest_videos(tables.table("videos"), names.end(window))
    rows = videos.filter(~videos.withdrawn.fill_null(False)).mutate(topic=lambda t: t.topics[0]).select(*CONTENT)
    for entity in ENTITIES:
        columns = aggregate_columns(entity)
        rows = rows.left_join(current_aggregates(tables, entity, window), entity).drop(f"{entity}_right")
        rows = rows.mutate(**{c: rows[c].fill_null(ibis.literal(0.0, "float32")) for c in columns})
    return rows.order_by("video")


def current_aggregates(tables: LakeTables, entity: str, window: str) -> Table:
    """The aggregates of each entity at the end of `window`; an entity without a row has only zeros."""
    # Whatever happened longer ago than the longest span has left every sum.
    table = tables.table(f"{entity}_aggregates", names.shift(window, -max(SPANS.values())), window)
    newest = table.group_by(entity).aggregate(window=table.window.max())
    return table.semi_join(newest, [entity, "window"]).select(entity, *aggregate_columns(entity))


def _snapshots(settings: Settings) -> list[Path]:
    return sorted(settings.snapshots_path.glob(f"*{_SUFFIX}"))
