"""Which windows a batch of events makes due: for exposures, and for the tables that sum over the past."""

from collections.abc import Iterable, Mapping, Sequence

from homefeed import windows as names
from homefeed.lake import open_lake
from homefeed.settings import Settings


def due_windows(touched: Sequence[str], watermark: str) -> list[str]:
    """Windows whose exposures must be published after events of `touched` came in.

    A reaction of window `w` labels impressions of `w` and of the window before. A window is closed, and has exposures,
    once the next arrival window is ingested too.

    Args:
      touched: event windows that changed.
      watermark: newest ingested arrival window.
    """
    reached = {w for t in touched for w in (names.shift(t, -1), t)}
    return sorted(w for w in reached if names.shift(w, 1) <= watermark)


def unpublished_windows(settings: Settings, watermark: str) -> list[str]:
    """Closed windows with impressions and without exposures: nothing came in that would have made them due."""
    lake = open_lake(settings.lake_path)
    missing = set(lake.windows("impressions")) - set(lake.windows("exposures"))
    return sorted(w for w in missing if names.shift(w, 1) <= watermark)


def in_parts(num_rows: Mapping[str, int], wanted: Sequence[str], limit: int) -> list[list[str]]:
    """`wanted` in parts, in order, each with at most `limit` rows or of one window; 0 is no limit.

    Args:
      num_rows: window -> its rows.
      wanted: windows, in order.
      limit: `engine.rows_at_once`.
    """
    parts: list[list[str]] = []
    total = 0
    for window in wanted:
        total += num_rows.get(window, 0)
        if not parts or (limit and total > limit):
            parts.append([])
            total = num_rows.get(window, 0)
        parts[-1].append(window)
    return parts


def changed_windows(touched: Iterable[str], published: Sequence[str], reach: int | None) -> list[str]:
    """Windows of a table that sums over the past whose rows events of `touched` can change.

    Args:
      touched: event windows that changed.
      published: windows that the table holds, in order.
      reach: how many windows later an event still changes a row; None is for ever.

    Returns:
      The touched windows; windows within their reach up to the newest published one; and windows between the newest
      published one and the newest touched one, for a sum also changes when nothing happens.
    """
    wanted = set(touched)
    if not wanted:
        return []
    newest = max(wanted) if not published else max(published[-1], *wanted)
    for t in list(wanted):
        limit = newest if reach is None else min(newest, names.shift(t, reach))
        wanted.update(names.span(t, limit))
    if published and published[-1] < max(wanted):
        wanted.update(names.span(names.shift(published[-1], 1), max(wanted)))
    return sorted(wanted)
