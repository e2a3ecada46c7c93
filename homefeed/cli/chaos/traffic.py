"""Traffic of a large synthetic site, hour by hour, as columns: what viewers were shown, and their pages."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids
from homefeed.settings import Settings

HOUR_US = 3_600_000_000
_LABEL_WINDOW_US = 600_000_000
_DISMISSALS = ("dislike", "not_interested", "report")
#: Median and spread of a page's latency: 99 of 100 take less than about 120 ms.
_LATENCY_MS, _LATENCY_SPREAD = 45.0, 0.42


@dataclass(frozen=True)
class Hour:
    """One hour: n exposures of p pages.

    Attributes:
      user: [n] key of the viewer.
      time_us: [n] microseconds since 1970.
      watched: [n] whether a watch started within the label window.
      watch_s: [n] seconds of it.
      dismissed: [n] whether the viewer dismissed the video within it.
      page_user, page_viewer, page_us, latency_ms: [p] key and index of the viewer, time, and time it took.
    """

    user: NDArray[np.int64]
    time_us: NDArray[np.int64]
    watched: NDArray[np.bool_]
    watch_s: NDArray[np.float64]
    dismissed: NDArray[np.bool_]
    page_user: NDArray[np.int64]
    page_viewer: NDArray[np.int64]
    page_us: NDArray[np.int64]
    latency_ms: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.user)


@dataclass
class Traffic:
    """A day of a site before `start` and the time after it; the same seed brings the same viewers again.

    Attributes:
      settings: the label window is that of `features.label_window_s`; its seed draws the viewers.
      start: when the first release is compared.
      num_viewers: of the site.
      visits_per_day: mean visits of a viewer.
      seed: of what happens.
    """

    settings: Settings
    start: datetime
    num_viewers: int
    visits_per_day: float
    seed: int
    _hours: dict[int, Hour] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from homefeed.world.build import build_site

        # One topic of memory is enough: what counts here is how viewers differ, not what they like.
        changed = {"num_viewers": self.num_viewers, "visits_per_day": self.visits_per_day, "history_days": 2.0}
        self.site = build_site(self.settings.world.model_copy(update=changed), self.seed, self.start)
        self.keys = ids.keys(self.site.viewer_ids).to_numpy()

    @property
    def viewer_ids(self) -> pa.Array:
        """[num_viewers] ids."""
        return self.site.viewer_ids

    def hour(self, number: int) -> Hour:
        """The hour that begins `number` hours after `start`; below 0 before it."""
        if number not in self._hours:
            self._hours[number] = self._made(number)
        return self._hours[number]

    def forget(self, number: int) -> None:
        """Give an hour's memory back; it can be made again."""
        self._hours.pop(number, None)

    def _made(self, number: int) -> Hour:
        from homefeed.schema.events import FEEDBACK
        from homefeed.world.activity import shown, slots_of, visits
        from homefeed.world.behaviour import react
        from homefeed.world.policy import choose, in_order

        begin = round(self.start.timestamp() * 1e6) + number * HOUR_US
        random = np.random.default_rng([self.seed, 10, begin // HOUR_US])
        made = visits(self.site, begin, HOUR_US, random)
        visit, _ = slots_of(made.depth)
        chosen = choose(self.site, made.viewer[visit], made.time_us[visit], random)
        seen = shown(made, in_order(self.site, visit, chosen, random).video)
        reaction = react(self.site, seen, random)
        watches, said = reaction.watches, reaction.feedback
        in_time = watches.start_us - seen.time_us[watches.row] < _LABEL_WINDOW_US
        counted = in_time & (watches.seconds >= self.settings.features.min_watch_s)
        num = len(seen)
        watch_s = np.bincount(watches.row[counted], watches.seconds[counted], num).astype(np.float64)
        is_dismissal = np.isin(said.kind, [FEEDBACK.index(kind) for kind in _DISMISSALS])
        is_dismissal &= said.time_us - seen.time_us[said.row] < _LABEL_WINDOW_US
        latency = _LATENCY_MS * np.exp(_LATENCY_SPREAD * random.normal(size=len(made)))
        return Hour(
            user=self.keys[seen.viewer],
            # A page is scrolled to its end within the hour, so that an hour is whole windows.
            time_us=np.minimum(seen.time_us, begin + HOUR_US - 1),
            watched=watch_s > 0,
            watch_s=watch_s,
            dismissed=np.bincount(said.row[is_dismissal], minlength=num) > 0,
            page_user=self.keys[made.viewer],
            page_viewer=made.viewer,
            page_us=made.time_us,
            latency_ms=latency,
        )
