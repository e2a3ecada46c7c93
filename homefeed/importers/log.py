"""`import_log`: a log of a known format becomes a history in the event log."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.importers.errors import ImportLogError
from homefeed.importers.own_events import OwnEvents
from homefeed.importers.ratings import READERS
from homefeed.importers.shelf import Shelf
from homefeed.importers.synthesis import DISMISS_TO, DURATION_S, LIKE_FROM, MAX_RATING, PAGE, Synthesis
from homefeed.settings import Settings

FORMATS = (*READERS, "events")
DEFAULT_DAYS = 2.0
#: What `holdout` holds: the newest watches, which the event log does not get.
HOLDOUT = pa.schema([("user", pa.string()), ("video", pa.string()), ("seconds", pa.float32()), ("liked", pa.bool_())])


@dataclass(frozen=True)
class ImportReport:
    """What was written into the event log.

    Attributes:
      format: the format that was read.
      events: number of events by type.
      synthesised: number of impressions that the log did not have.
      first, last: arrival windows of the history.
      rules: what the log does not say and the import decided, one sentence each.
      holdout: held-out watches, columns of HOLDOUT, in order of time; empty unless a share was asked for.
    """

    format: str
    events: dict[str, int]
    synthesised: int
    first: str
    last: str
    rules: tuple[str, ...]
    holdout: pa.Table


def import_log(
    settings: Settings, fmt: str, path: Path, end: datetime, days: float | None = None, holdout_share: float = 0.0
) -> ImportReport:
    """Read a log and write it into the event log.

    Args:
      settings: names the event log, and the seed of made-up impressions.
      fmt: one of FORMATS.
      path: folder of the log, or a file of events.
      end: the time that a rating log ends at; events of our own schema keep their times, and those after `end` are
        in the future.
      days: days that a rating log is scaled onto, DEFAULT_DAYS when None; events of our own schema are never scaled.
      holdout_share: share of the newest watches to hold out, in [0, 1). Of a rating log it is the share of each
        viewer's, since there most viewers came once: held out by time, the future would be strangers'.

    Raises:
      ImportLogError: the format is not known, a file is missing or malformed, the log is empty, or the disk is full.
        Nothing was written then.
    """
    if fmt not in FORMATS:
        raise ImportLogError(f"there is no format {fmt!r}; formats are {', '.join(FORMATS)}")
    if not path.exists():
        raise ImportLogError(f"there is nothing at {path}")
    if not 0 <= holdout_share < 1:
        raise ImportLogError(f"a holdout share is at least 0 and below 1, not {holdout_share:g}")
    shelf = Shelf(settings.events_path)
    try:
        if fmt == "events":
            if days is not None:
                raise ImportLogError(
                    "events of our own schema keep their times: they are not scaled onto a number of days"
                )
            return _import_events(shelf, path, end, holdout_share)
        return _import_ratings(settings, shelf, fmt, path, end, days or DEFAULT_DAYS, holdout_share)
    finally:
        shelf.discard()


def _import_events(shelf: Shelf, path: Path, end: datetime, holdout_share: float) -> ImportReport:
    events, holdout = OwnEvents(path, end).write(shelf, holdout_share)
    windows = shelf.publish()
    return ImportReport("events", events, 0, windows[0], windows[-1], (), holdout.cast(HOLDOUT))


def _import_ratings(
    settings: Settings, shelf: Shelf, fmt: str, path: Path, end: datetime, days: float, holdout_share: float
) -> ImportReport:
    if not path.is_dir():
        raise ImportLogError(f"{path} is not a folder; {fmt} is a folder of files")
    whole = READERS[fmt](path)
    if not whole.ratings.num_rows:
        raise ImportLogError(f"the log at {path} is empty: it has no ratings")
    if days * 86_400 < 600:
        raise ImportLogError(f"a history of {days:g} days is shorter than one window of 10 minutes")
    is_held = _newest_of_each(whole.ratings.column("user"), holdout_share)
    log = replace(whole, ratings=whole.ratings.filter(pc.invert(is_held)))
    prefix = f"{fmt}-{end:%Y%m%dT%H%M%S}"
    synthesis = Synthesis(log, end - timedelta(days=days), end, prefix, settings.seed)
    times = synthesis.times()
    tables = {
        "video": synthesis.videos(),
        "user": synthesis.users(),
        "watch": synthesis.watches(times),
        "feedback": synthesis.feedback(times),
    }
    for event_type, table in tables.items():
        shelf.put(f"{prefix}-{event_type}", table)
    num_impressions = 0
    for part, table in enumerate(synthesis.impressions(times)):
        shelf.put(f"{prefix}-impression-{part}", table)
        num_impressions += table.num_rows
    windows = shelf.publish()
    counts = {"impression": num_impressions} | {name: table.num_rows for name, table in tables.items()}
    rules = (
        f"times are when ratings were typed: the log's whole span is scaled linearly onto {days:g} days",
        f"every film lasts {DURATION_S:g} s; a rating is a watch of rating / {MAX_RATING:g} of it",
        f"a rating of {LIKE_FROM:g} or more is a like, of {DISMISS_TO:g} or less a dismissal",
        f"impressions are synthesised: a page of up to {PAGE} per watch, drawn by popularity so far, without what the "
        "viewer had watched by then, slots in random order",
        "genres are topics; a channel is a main genre and decade; films were uploaded 30 days before the log begins",
    )
    ratings = whole.ratings.filter(is_held)
    held = replace(synthesis, log=replace(whole, ratings=ratings)).watches(np.zeros(len(ratings), np.int64))
    liked = pc.greater_equal(ratings.column("rating"), LIKE_FROM)
    holdout = held.select(["user", "video", "seconds"]).append_column("liked", liked)
    return ImportReport(fmt, counts, num_impressions, windows[0], windows[-1], rules, holdout.cast(HOLDOUT))


def _newest_of_each(users: pa.ChunkedArray, share: float) -> pa.Array:
    """Which rows, in order of time, are among the newest `share` of their user's, [n]; the oldest one never is."""
    codes = users.combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    place = np.empty(len(codes), np.int64)
    place[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return pa.array(place >= np.maximum(np.ceil(sizes * (1 - share)), 1)[codes])
