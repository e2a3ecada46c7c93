"""Events that were received and wait for the disk; past a bound the sender is asked to wait.

A disk that is slower than its senders would else fill the memory with batches until all of them are lost together.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from homefeed.errors import HomefeedError
from serving import metrics


class BacklogFullError(HomefeedError):
    """More events wait for the disk than the service keeps in memory; the sender keeps its own and comes back."""


class Backlog:
    """Counts the events that wait. One event loop uses it, so it has no lock.

    Args:
      max_events: bound of the events that wait together. A batch that finds nothing waiting is always let in.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._waiting = 0

    @contextmanager
    def hold(self, num_events: int) -> Iterator[None]:
        """Count a batch as waiting for as long as the block runs. Raises BacklogFullError when the bound is reached."""
        if self._waiting and self._waiting + num_events > self._max_events:
            raise BacklogFullError(
                f"{self._waiting} events wait for the disk and at most {self._max_events} may; send these "
                f"{num_events} again after the time in Retry-After"
            )
        self._count(num_events)
        try:
            yield
        finally:
            self._count(-num_events)

    def _count(self, num_events: int) -> None:
        self._waiting += num_events
        metrics.EVENTS_WAITING.set(self._waiting)
