"""A history of the synthetic site as the columns the towers learn from, without writing it anywhere first."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids, windows
from homefeed.settings import Settings
from homefeed.settings.world import WorldSettings
from homefeed.world.site import Site
from models.retrieval.batches import Log
from models.retrieval.watches import Watches

END = datetime(2026, 11, 23, 22, tzinfo=UTC)
_WINDOW_US = windows.WINDOW_S * 1_000_000


@dataclass(frozen=True)
class WorldLog:
    """The log of a site, and how to find its rows in the site.

    Attributes:
      site: with the true probabilities.
      log: what the towers read; accidental clicks are left out, as labels leave them out.
      video: [v] index in the site of each row of the catalogue.
      viewer: index in the site of each watch of `log.watches`.
      end_us: end of the history, microseconds.
    """

    site: Site
    log: Log
    video: NDArray[np.int64]
    viewer: NDArray[np.int64]
    end_us: int

    @property
    def top_share(self) -> float:
        """Share of the watches that go to the most watched hundredth of the catalogue."""
        counts = np.sort(np.bincount(self.log.watches.videos, minlength=len(self.video)))[::-1]
        return float(counts[: max(1, len(counts) // 100)].sum() / max(1, counts.sum()))


def world_log(settings: Settings, world: WorldSettings) -> WorldLog:
    """Make the site of `world` with `settings.seed`, and `world.history_days` of watches that end at `END`."""
    from homefeed.world.build import build_site
    from homefeed.world.event_rows import user_rows, video_rows
    from models.profiles import profiles_of
    from models.retrieval.watches import WatchCounts
    from models.video_table import video_table

    site = build_site(world, settings.seed, END)
    end_us = round(END.timestamp() * 1e6)
    uploaded = np.arange(np.searchsorted(site.videos.uploaded_us, end_us))
    rows = video_rows(site, uploaded, site.videos.uploaded_us[uploaded])
    table = video_table(_keyed(rows, ("video", "channel")))
    profiles = profiles_of(_keyed(user_rows(site, end_us), ("user",)))
    known, place = site.video_keys
    viewer, video, time, fraction = _watched(site, end_us)
    users = ids.keys(site.viewer_ids).to_numpy()[viewer]
    row = table.rows(ids.keys(site.video_ids).to_numpy())[video]
    order = np.lexsort((row, time, users))
    watches = Watches(users, row, time, fraction).take(order)
    index = place[np.searchsorted(known, table.keys)]
    return WorldLog(site, Log(table, watches, profiles, WatchCounts(watches)), index, viewer[order], end_us)


def _keyed(rows: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    """Ids of the columns become keys."""
    for name in columns:
        rows = rows.set_column(rows.column_names.index(name), name, ids.keys(rows.column(name).combine_chunks()))
    return rows


def _watched(
    site: Site, end_us: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Viewer, video, start [microseconds] and watched share of every wanted watch, window by window."""
    from homefeed.world.activity import shown, slots_of, visits
    from homefeed.world.behaviour import react
    from homefeed.world.policy import choose, in_order

    parts = []
    for start in range(end_us - round(site.world.history_days * 86_400_000_000), end_us, _WINDOW_US):
        random = np.random.default_rng([site.seed, 6, start // _WINDOW_US])
        made = visits(site, start, _WINDOW_US, random)
        visit, _ = slots_of(made.depth)
        chosen = in_order(site, visit, choose(site, made.viewer[visit], made.time_us[visit], random), random)
        seen = shown(made, chosen.video)
        seen = seen.take(np.flatnonzero(site.allowed(seen.viewer, seen.video)))
        watches = react(site, seen, random).watches
        wanted = ~watches.accidental & (watches.start_us < end_us)
        row = watches.row[wanted]
        fraction = watches.seconds[wanted] / site.videos.duration_s[seen.video[row]]
        parts.append((seen.viewer[row], seen.video[row], watches.start_us[wanted], np.minimum(fraction, 1)))
    viewer, video, time, fraction = (np.concatenate(column) for column in zip(*parts, strict=True))
    return viewer, video, time, fraction.astype(np.float32)
