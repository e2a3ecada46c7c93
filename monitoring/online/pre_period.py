"""What viewers watched before an experiment or a rollout began: for the balance of arms, and to reduce variance."""

import numpy as np
from numpy.typing import NDArray

from feature_repo.lake_tables import open_tables
from homefeed import windows
from homefeed.settings import Settings
from monitoring.sequential import Floats


def watched_before(settings: Settings, window: str, users: NDArray[np.int64]) -> Floats | None:
    """Seconds that each viewer watched of what was recommended in the `experiments.pre_period_windows` before `window`.

    Args:
      settings: the settings tree.
      window: the first that does not count any more.
      users: [n] keys of viewers, in any order, also repeated.

    Returns:
      [n]; a viewer who was not there has 0. None when there were no exposures at all: nothing is known then.
    """
    first, last = windows.shift(window, -settings.experiments.pre_period_windows), windows.shift(window, -1)
    with open_tables(settings) as tables:
        if not tables.lake.files("exposures", (first, last)):
            return None
        shown = tables.table("exposures", first, last)
        shown = shown.filter(shown.watch_s > 0).select("user", watch_s=shown.watch_s.cast("float64"))
        watched = shown.group_by("user").aggregate(watch_s=shown.watch_s.sum())
        rows = tables.run(watched.order_by("user"))
    known, seconds = rows["user"].to_numpy(), rows["watch_s"].to_numpy()
    if not len(known):
        return np.zeros(len(users))
    place = np.minimum(np.searchsorted(known, users), len(known) - 1)
    return np.where(known[place] == users, seconds[place], 0.0)
