"""The time of a page: its deadline, what each stage may spend of it, and what is left out when it runs out.

In this order: sources that a page can do without are not asked, or not waited for; of the candidates the best of each
source are ranked, as many as the time allows; with time for less than a page of them, what is trending is shown instead
of what the ranker would choose. Each is named in `degraded` and counted.
"""

import threading
import time
from dataclasses import dataclass, field

#: Weight of the newest page in what one candidate takes.
_NEWEST = 0.1


class Pace:
    """How long ranking takes for each candidate now, learned from the pages before; one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._s_per_candidate = 0.0

    def learn(self, num: int, seconds: float) -> None:
        """`num` candidates were ranked in `seconds`."""
        if num:
            with self._lock:
                before = self._s_per_candidate or seconds / num
                self._s_per_candidate = (1 - _NEWEST) * before + _NEWEST * seconds / num

    def doubt(self) -> None:
        """A page was not ranked for what its candidates were thought to take: a little less is thought of the next, so
        that a slow moment is not believed for ever."""
        with self._lock:
            self._s_per_candidate *= 1 - _NEWEST

    def affordable(self, seconds: float) -> float:
        """Candidates that can be ranked in `seconds`; infinite before the first page."""
        return max(seconds, 0.0) / self._s_per_candidate if self._s_per_candidate else float("inf")


@dataclass(frozen=True)
class Budget:
    """The deadline of one page; the default has none, as for a page that nobody waits for.

    Attributes:
      began: `time.perf_counter()` at the arrival of the request.
      deadline_s: seconds after it.
      pace: of ranking.
    """

    began: float = field(default_factory=time.perf_counter)
    deadline_s: float = float("inf")
    pace: Pace = field(default_factory=Pace)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the arrival."""
        return time.perf_counter() - self.began

    def left_s(self, share: float = 1.0) -> float:
        """Seconds until `share` of the deadline has passed; negative afterwards."""
        return self.deadline_s * share - self.elapsed_s
