"""The catalogue: one row is one video as its newest catalogue event describes it."""

from collections.abc import Mapping
from datetime import datetime

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from feature_repo.lake_tables import open_tables
from homefeed.settings import Settings


def catalogue(
    settings: Settings,
    until: datetime | None = None,
    versions: Mapping[str, int] | None = None,
    withdrawn: bool = False,
) -> pa.Table:
    """The videos of the site, with the columns of table `videos`, sorted by key.

    Args:
      settings: the settings tree.
      until: only videos uploaded at or before this time, each as it was described by then; None takes all.
      versions: version of table `videos` to read.
      withdrawn: also videos that were taken off the site.
    """
    with open_tables(settings, versions) as tables:
        videos = newest_videos(tables.table("videos"), until)
        if not withdrawn:
            videos = videos.filter(~videos.withdrawn.fill_null(False))
        return tables.run(videos.order_by("video")).cast(tables.lake.schemas["videos"])


def newest_videos(videos: Table, until: datetime | None = None) -> Table:
    """The newest row of each video: of those with the same time the greatest `event_id`, so that order is settled."""
    if until is not None:
        limit = ibis.literal(until)
        videos = videos.filter(videos.time <= limit, videos.uploaded <= limit)
    return newest(videos, "video")


def newest(changes: Table, key: str) -> Table:
    """The newest row of each `key` in a table of changes."""
    order = ibis.window(group_by=key, order_by=[ibis.desc("time"), ibis.desc("event_id")])
    return changes.mutate(_rank=ibis.row_number().over(order)).filter(lambda t: t["_rank"] == 0).drop("_rank")
