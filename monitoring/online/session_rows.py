"""Sessions: one row is one session of a viewer, known once nothing was on screen for `online.session_gap_s`."""

from datetime import timedelta

import ibis
import pyarrow as pa

from feature_repo.catalogue import newest
from feature_repo.lake_tables import open_tables
from homefeed import windows
from homefeed.settings import Settings


def session_rows(settings: Settings, window: str) -> pa.Table:
    """Sessions that ended in `window`: their last impression is `session_gap_s` before a moment of it.

    A session belongs to the release and the device of its first impression. It is successful when its viewer watched
    at least `successful_session_s` of recommended videos in all and dismissed none.

    Returns:
      `user`, `release`, `device`, `country`, `is_known` (always null: a session is not told apart by it), `watch_s`,
      `is_successful`.
    """
    knobs = settings.online
    gap = timedelta(seconds=knobs.session_gap_s)
    begin, end = windows.start(window) - gap, windows.end(window) - gap
    earliest = windows.window_of(begin - timedelta(seconds=knobs.session_max_s))
    with open_tables(settings) as tables:
        shown = tables.table("exposures", earliest, window)
        candidates = shown.filter(shown.time >= ibis.literal(begin), shown.time < ibis.literal(end))
        shown = shown.semi_join(candidates.select("user").distinct(), "user")
        order = ibis.window(group_by="user", order_by=["time", "event_id"])
        before = shown.time.lag().over(order)
        pause = ibis.interval(seconds=round(knobs.session_gap_s))
        shown = shown.mutate(begins=(before.isnull() | (shown.time >= before + pause)).cast("int64"))
        running = ibis.window(group_by="user", order_by=["time", "event_id"], rows=(None, 0))
        shown = tables.keep(shown.mutate(number=shown.begins.sum().over(running)))
        sessions = shown.group_by("user", "number").aggregate(
            release=shown.release.argmin(shown.time),
            device=shown.device.argmin(shown.time),
            watch_s=shown.watch_s.sum(),
            is_dismissed=shown.dismissed.any(),
            last=shown.time.max(),
        )
        sessions = sessions.filter(sessions.last >= ibis.literal(begin), sessions.last < ibis.literal(end))
        profiles = newest(tables.table("users"), "user").select("user", "country")
        joined = sessions.left_join(profiles, "user")
        return tables.run(
            joined.select(
                "user",
                "device",
                "country",
                "watch_s",
                release=joined.release.fill_null(""),
                is_known=ibis.null("boolean"),
                is_successful=(joined.watch_s >= knobs.successful_session_s) & ~joined.is_dismissed,
            )
        )
