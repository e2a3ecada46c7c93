"""Viewers who are no people, told by what they did in some windows: one row is one such viewer."""

from collections.abc import Mapping

import pyarrow as pa

from feature_repo.lake_tables import open_tables
from homefeed.settings import Settings


def bot_viewers(settings: Settings, first: str, last: str, versions: Mapping[str, int] | None = None) -> pa.Table:
    """Viewers whose exposures of windows `first` to `last` no person makes.

    A viewer is a bot with at least `features.bot_watches` watches of which half last less than `features.bot_watch_s`,
    or with more than `features.bot_impressions_per_h` impressions in some hour, counted in six windows from the full
    hour. Few watches say nothing, so that nobody is left out for a bad evening.

    Returns:
      `user`, `impressions`, `watches` (of the windows), `median_watch_s` (null without a watch) and `busiest_hour`
      (impressions), in order of user.
    """
    knobs = settings.features
    with open_tables(settings, versions) as tables:
        exposures = tables.table("exposures", first, last).select("user", "window", "watched", "watch_s")
        # A window is named `20261123T2150Z`: what it begins with is its hour.
        hours = exposures.group_by("user", hour=exposures.window[:11]).aggregate(shown=lambda t: t.count())
        busiest = hours.group_by("user").aggregate(busiest_hour=hours.shown.max())
        viewers = exposures.group_by("user").aggregate(
            impressions=lambda t: t.count(),
            watches=exposures.watched.sum(),
            median_watch_s=exposures.watch_s.median(where=exposures.watched),
        )
        viewers = viewers.join(busiest, "user")
        is_brief = (viewers.watches >= knobs.bot_watches) & (viewers.median_watch_s < knobs.bot_watch_s)
        is_busy = viewers.busiest_hour > knobs.bot_impressions_per_h
        return tables.run(viewers.filter(is_brief.fill_null(False) | is_busy).order_by("user"))
