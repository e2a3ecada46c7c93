"""Aggregates counted again from the events themselves, without the tables that training reads."""

from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from feature_repo.lake_tables import LakeTables, open_tables, window_index
from homefeed import windows
from homefeed.features import SPANS
from homefeed.settings import Settings

#: Spans that are counted again: one that a leak of ten minutes doubles, and one that holds enough to see it.
_SPANS = ("10m", "24h")
_LONGEST = max(SPANS[span] for span in _SPANS)
_MEASURES = ("impressions", "watches")
REPLAYED = tuple(f"{entity}_{m}_{span}" for entity in ("user", "video") for m in _MEASURES for span in _SPANS)


@dataclass(frozen=True)
class Moments:
    """Viewers in front of videos.

    Attributes:
      users, videos: [n] keys.
      times: [n] microseconds since 1970 UTC.
    """

    users: NDArray[np.int64]
    videos: NDArray[np.int64]
    times: NDArray[np.int64]


def replay(settings: Settings, moments: Moments) -> dict[str, NDArray[np.float64]]:
    """What had happened before each of n moments, by event time.

    Args:
      settings: the settings tree.
      moments: at least one.

    Returns:
      Feature of `REPLAYED` -> [n], over the windows that had ended by then: events of the moment's own window, and of
      any later one, are in none.
    """
    index = moments.times // (windows.WINDOW_S * 1_000_000)
    edges = (int(edge) / 1_000_000 for edge in (moments.times.min(), moments.times.max()))
    first, last = (windows.window_of(datetime.fromtimestamp(edge, UTC)) for edge in edges)
    asked = pa.table({"row": np.arange(len(index)), "at": index, "user": moments.users, "video": moments.videos})
    found: dict[str, NDArray[np.float64]] = {}
    with open_tables(settings) as tables:
        rows = tables.memory(asked)
        for measure, events in _events(tables, settings, windows.shift(first, -_LONGEST), last).items():
            for entity in ("user", "video"):
                counted = tables.run(_counted(rows, events, entity))
                place = counted.column("row").to_numpy()
                for span in _SPANS:
                    column = np.zeros(len(index))
                    column[place] = counted.column(span).to_numpy()
                    found[f"{entity}_{measure}_{span}"] = column
    return found


def _events(tables: LakeTables, settings: Settings, first: str, last: str) -> dict[str, Table]:
    impressions, watches = (tables.table(name, first, last) for name in ("impressions", "watches"))
    watches = watches.filter(watches.seconds >= settings.features.min_watch_s)
    return dict(zip(_MEASURES, (impressions, watches), strict=True))


def _counted(rows: Table, events: Table, entity: str) -> Table:
    """`row` and the count of each span; a row of which nothing happened is left out."""
    happened = events.select(key=events[entity], index=window_index(events.time))
    happened = happened.group_by("key", "index").aggregate(num=happened.count())
    pairs = rows.join(
        happened,
        [rows[entity] == happened.key, happened.index < rows["at"], happened.index >= rows["at"] - _LONGEST],
    )
    zero = ibis.literal(0, "int64")
    return pairs.group_by("row").aggregate(
        **{span: pairs.num.sum(where=pairs.index >= pairs["at"] - SPANS[span]).fill_null(zero) for span in _SPANS}
    )
