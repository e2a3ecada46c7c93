"""Compaction: the many small files of a window as one, by the engine; the rows stay the same."""

from feature_repo.due import in_parts
from feature_repo.lake_tables import open_tables
from homefeed.settings import Settings

#: Columns that rows of a file are put in order by, as far as a table has them.
_ORDER = ("time", "event_id", "user", "video", "channel", "topic")


def compact(settings: Settings, table: str, first: str = "0", last: str = "9") -> list[str]:
    """Write each window of `table` from `first` to `last` (both included) that lies in several files as one.

    Returns:
      The windows that were written.

    Raises:
      LakeError: there is no such table, or another commit replaced one of the windows meanwhile: that commit stands.
    """
    with open_tables(settings) as tables:
        lake = tables.lake
        wanted = [w for w, num in lake.num_files(table).items() if num > 1 and first <= w <= last]
        for some in in_parts(lake.num_rows(table), wanted, settings.engine.rows_at_once):
            tables.versions[table] = lake.version(table)
            rows = tables.table(table, some[0], some[-1])
            order = [c for c in _ORDER if c in lake.schemas[table].names]
            tables.replace(table, some, rows.filter(rows.window.isin(some)), order, since=tables.versions[table])
    return wanted
