"""A viewer as of some moment: the row that the online store held, from the lake."""

from datetime import datetime
from typing import Any

from ibis.expr.types import Table

from feature_repo.lake_tables import open_tables
from feature_repo.online import viewer_row
from homefeed import ids, windows
from homefeed.settings import Settings


def viewer_at(settings: Settings, user: str, time: datetime) -> dict[str, Any]:
    """What `feature_repo.online.UserStore.read` answers for a viewer whose newest rows are of windows ended by `time`.

    The store lags behind by as long as publication takes, so a page made at `time` may have seen a window less.
    """
    last = _last_closed(time)
    with open_tables(settings) as tables:

        def newest(name: str) -> dict[str, Any]:
            table: Table = tables.table(name, None, last)
            rows = tables.run(table.filter(table.user == ids.key(user)).order_by(table.window.desc()).limit(1))
            return rows.to_pylist()[0] if rows.num_rows else {}

        return viewer_row({**newest("user_aggregates"), **newest("user_state")})


def events_since(settings: Settings, user: str, time: datetime) -> list[dict[str, Any]]:
    """The viewer's watches, feedback and profiles between the row of `viewer_at` and `time`, each with its `table`."""
    first = windows.shift(_last_closed(time), 1)
    with open_tables(settings) as tables:
        rows: list[dict[str, Any]] = []
        for name in ("watches", "feedback", "users"):
            table: Table = tables.table(name, first, windows.window_of(time))
            mine = tables.run(table.filter(table.user == ids.key(user), table.time < time)).to_pylist()
            rows += [{**row, "table": name} for row in mine]
    return rows


def _last_closed(time: datetime) -> str:
    return windows.window_of(time - windows.WINDOW)
