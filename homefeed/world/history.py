"""A history of the synthetic site, written into the event log as Parquet files per arrival window.

`events/<arrival window>/world-<type>.parquet` holds events of the edge schema. What arrives after the end of the
history is not in the log: it has not happened yet.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from homefeed import windows
from homefeed.settings import Settings
from homefeed.world import event_rows, names
from homefeed.world.activity import shown, slots_of, visits
from homefeed.world.behaviour import react
from homefeed.world.build import build_site, remember_end
from homefeed.world.catalogue import Floats, Ints
from homefeed.world.policy import choose, in_order
from homefeed.world.site import Site, WorldError

#: Called with windows done and windows in all; what it raises stops the writing.
Progress = Callable[[int, int], object]
_WINDOW_US = windows.WINDOW_S * 1_000_000
Rows = list[tuple[str, pa.Table, Ints]]


@dataclass(frozen=True)
class HistoryReport:
    """What was written: first and last arrival window, and events by type, repeats included."""

    first: str
    last: str
    viewers: int
    videos: int
    impressions: int
    watches: int
    feedback: int
    watched_share: float


def write_history(
    settings: Settings,
    end: datetime,
    progress: Progress | None = None,
    truth: Path | None = None,
    *,
    is_clean: bool = False,
) -> HistoryReport:
    """Write `settings.world.history_days` days of events that arrived before `end`.

    Args:
      settings: the events go under `settings.events_path`.
      end: end of the last arrival window; timezone-aware and on the edge of a window.
      progress: told after each window.
      truth: folder for the true probabilities, one file per window: event_id, probability.
      is_clean: leave out what bots did and what was clicked by accident; the rest has the same ids as without.

    Raises:
      WorldError: `end` is not on the edge of a window, or the disk does not take the files.
    """
    site = build_site(settings.world, settings.seed, end)
    if windows.start(windows.window_of(end)) != end:
        raise WorldError(f"the history cannot end at {end.isoformat()}: a window ends at minutes 0, 10, 20, 30, 40, 50")
    arrivals = windows.between(end - timedelta(days=settings.world.history_days), end)
    writer = _Writer(settings.events_path, truth, arrivals)
    _ = site.video_ids, site.viewer_ids, site.channel_ids, site.viral, site.visit_weight, site.country_start
    _ = site.videos.by_language, site.videos.by_channel
    try:
        writer.add(_catalogue(site, windows.start(arrivals[0])))
        for done, (rows, chances) in enumerate(_made(site, arrivals, is_clean), start=1):
            writer.add(rows)
            writer.flush(arrivals[done - 1], chances)
            if progress is not None:
                progress(done, len(arrivals))
        remember_end(settings, end.astimezone(UTC))
    except OSError as error:
        raise WorldError(f"the history cannot be written under {settings.events_path}: {error}") from error
    count = writer.count
    return HistoryReport(
        arrivals[0],
        arrivals[-1],
        count["user"],
        count["video"],
        count["impression"],
        count["watch"],
        count["feedback"],
        writer.expected / max(writer.probabilities, 1),
    )


def _made(site: Site, arrivals: list[str], is_clean: bool) -> Iterator[tuple[Rows, pa.Table]]:
    """What happens in each window, in order, made by some windows ahead at the same time."""
    ahead = 2 * site.world.num_threads
    with ThreadPoolExecutor(site.world.num_threads, "world") as pool:
        waiting = [pool.submit(happenings, site, w, is_clean) for w in arrivals[:ahead]]
        try:
            for place in range(len(arrivals)):
                yield waiting.pop(0).result()
                if place + ahead < len(arrivals):
                    waiting.append(pool.submit(happenings, site, arrivals[place + ahead], is_clean))
        finally:
            for future in waiting:
                future.cancel()


def happenings(site: Site, window: str, is_clean: bool = False) -> tuple[Rows, pa.Table]:
    """Visits that begin in a window and all that follows from them, and the true probabilities.

    `is_clean` leaves out bots and clicks by accident once everything is drawn, so that the rest is the same without.
    """
    start_us = round(windows.start(window).timestamp() * 1e6)
    rng = np.random.default_rng([site.seed, 6, start_us // _WINDOW_US])
    made = visits(site, start_us, _WINDOW_US, rng)
    visit, _ = slots_of(made.depth)
    chosen = in_order(site, visit, choose(site, made.viewer[visit], made.time_us[visit], rng), rng)
    seen = shown(made, chosen.video)
    # Drawn twice or not allowed: not on the page.
    place = np.cumsum(made.depth)[seen.visit] - made.depth[seen.visit] + seen.slot
    allowed = np.flatnonzero(site.allowed(seen.viewer, seen.video))
    seen, place = seen.take(allowed), place[allowed]
    reaction = react(site, seen, rng)
    prefix = window.removesuffix("Z")
    requests = names.numbered(f"{prefix}-r", len(made), 1)
    impressions = event_rows.impression_rows(
        site, seen, requests, prefix, source=chosen.source[place], propensity=chosen.propensity[place]
    )
    watches, feedback = reaction.watches, reaction.feedback
    sent = {
        "impression": (impressions, seen.time_us),
        "watch": (
            event_rows.watch_rows(site, seen, watches, requests, prefix),
            watches.start_us + (watches.seconds * 1e6).astype(np.int64),
        ),
        "feedback": (event_rows.feedback_rows(site, seen, feedback, requests, prefix), feedback.time_us),
    }
    chances = pa.table({"event_id": impressions.column("event_id"), "probability": reaction.probability})
    if is_clean:
        is_bot = site.audience.is_bot[seen.viewer]
        clean = {
            "impression": ~is_bot,
            "watch": ~is_bot[watches.row] & ~watches.accidental,
            "feedback": ~is_bot[feedback.row],
        }
        sent = {
            kind: (table.filter(pa.array(clean[kind])), time_us[clean[kind]]) for kind, (table, time_us) in sent.items()
        }
        chances = chances.filter(pa.array(~is_bot))
    rows = [(kind, *_sent(table, time_us, site, rng)) for kind, (table, time_us) in sent.items()]
    uploads = event_rows.upload_rows(site, start_us, start_us + _WINDOW_US)
    rows.append(("video", uploads, uploads.column("time").cast(pa.int64()).to_numpy()))
    return rows, chances


def _sent(table: pa.Table, time_us: Ints, site: Site, rng: np.random.Generator) -> tuple[pa.Table, Ints]:
    """The events with their arrival times [µs]: seconds later, some an hour later, some sent again."""
    n = len(time_us)
    delay: Floats = rng.standard_exponential(n, dtype=np.float32) * np.float32(1.5e6)
    delay += (rng.random(n) < site.world.delayed_rate) * rng.random(n, dtype=np.float32) * np.float32(3.6e9)
    arrival = time_us + delay.astype(np.int64)
    again = np.flatnonzero(rng.random(n) < site.world.duplicate_rate)
    if not len(again):
        return table, arrival
    repeats = arrival[again] + (rng.random(len(again)) * 6e8).astype(np.int64)
    return pa.concat_tables([table, table.take(pa.array(again))]), np.concatenate([arrival, repeats])


def _catalogue(site: Site, start: datetime) -> Rows:
    """What the site had before the history: its videos, viewers and subscriptions, as events of the first second."""
    start_us = round(start.timestamp() * 1e6)
    old = np.arange(np.searchsorted(site.videos.uploaded_us, start_us))
    tables = {
        "video": event_rows.video_rows(site, old, np.full(len(old), start_us)),
        "user": event_rows.user_rows(site, start_us),
        "feedback": event_rows.subscription_rows(site, start_us, start_us),
    }
    return [(kind, table, np.full(len(table), start_us)) for kind, table in tables.items()]


class _Writer:
    """Holds events until their arrival window is complete, then writes the window's files."""

    def __init__(self, path: Path, truth: Path | None, arrivals: list[str]) -> None:
        self.count: dict[str, int] = defaultdict(int)
        self.expected = 0.0
        self.probabilities = 0
        self._path, self._truth, self._arrivals = path, truth, arrivals
        self._start_us = round(windows.start(arrivals[0]).timestamp() * 1e6)
        self._held: dict[tuple[int, str], list[pa.Table]] = defaultdict(list)

    def add(self, rows: Rows) -> None:
        """Sort events by arrival window; what arrives after the last is dropped."""
        for kind, table, arrival_us in rows:
            place = (arrival_us - self._start_us) // _WINDOW_US
            values, counts = np.unique(place, return_counts=True)
            if len(values) == 1:
                self._hold(int(values[0]), kind, table)
                continue
            ordered = table.take(pa.array(np.argsort(place, kind="stable")))
            for value, first, length in zip(values, np.cumsum(counts) - counts, counts, strict=True):
                self._hold(int(value), kind, ordered.slice(first, length))

    def flush(self, window: str, chances: pa.Table) -> None:
        """Write a window that nothing more arrives in."""
        folder = self._path / window
        folder.mkdir(parents=True, exist_ok=True)
        place = self._arrivals.index(window)
        for kind in ("video", "user", "impression", "watch", "feedback"):
            tables = self._held.pop((place, kind), [])
            if tables:
                self.count[kind] += sum(map(len, tables))
                _write(pa.concat_tables(tables), folder / f"world-{kind}.parquet")
        self.expected += float(chances.column("probability").to_numpy().sum())
        self.probabilities += len(chances)
        if self._truth is not None:
            self._truth.mkdir(parents=True, exist_ok=True)
            _write(chances, self._truth / f"{window}.parquet")

    def _hold(self, place: int, kind: str, table: pa.Table) -> None:
        if len(table) and place < len(self._arrivals):
            self._held[place, kind].append(table)


def _write(table: pa.Table, path: Path) -> None:
    """Readers see the whole file or none."""
    draft = path.with_name(f".{path.name}.{threading.get_ident()}.tmp")
    repeated = [name for name in table.column_names if name != "event_id"]
    pq.write_table(table, draft, compression="zstd", compression_level=1, use_dictionary=repeated)
    draft.replace(path)
