"""Pages on which a part failed, in the log: one line for each part and minute, however many pages there are."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

_logger = logging.getLogger(__name__)


class DegradedLog:
    """Counts degraded pages by part, and tells of them now and then.

    Args:
      every_s: shortest time between two lines about one part, in seconds.
      now: a clock that never goes back, in seconds.
    """

    def __init__(self, every_s: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._now = every_s, now
        self._lock = threading.Lock()
        self._quiet_until: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def add(self, parts: Sequence[str], request_id: str) -> None:
        """Count a page that was made without `parts`."""
        for part in parts:
            with self._lock:
                number = self._untold[part] = self._untold.get(part, 0) + 1
                if self._now() < self._quiet_until.get(part, 0.0):
                    continue
                self._untold[part], self._quiet_until[part] = 0, self._now() + self._every_s
            _logger.warning(
                "%d pages degraded by %s since this was last said, such as %s; docs/serving.md",
                number,
                part,
                request_id,
            )
