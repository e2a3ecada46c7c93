"""What viewers did a moment ago: from the events that were just made durable to the next page, in every process.

Nobody waits for it: the events are on disk before an act is taken, a thread of its own brings acts to the store, and a
store that fails is counted and tried again.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from homefeed import ids
from homefeed.settings import Settings
from serving import metrics
from serving.acts import TYPES, Act, acts_of
from serving.lookup import Lookup
from serving.recent_store import RecentStore, open_recent_store

_logger = logging.getLogger(__name__)
_RETRY_S = 1.0
_NOBODY = 0
_FORGET_EVERY = timedelta(minutes=1)


class Recent:
    """Acts on their way to the store, and from it to a page.

    Args:
      settings: how long acts are kept, how many may wait, and how long a page waits for them.
      open_store: opens the store; called until it succeeds.
    """

    def __init__(self, settings: Settings, open_store: Callable[[], RecentStore] | None = None) -> None:
        self._settings = settings
        self._open_store = open_store or (lambda: open_recent_store(settings))
        self._store: RecentStore | None = None
        self._opening = threading.Lock()
        self._lookup: Lookup[int, list[Act]] = Lookup(settings.serving, lambda: self._opened().read, _NOBODY, "recent")
        self._forgotten: datetime | None = None
        self._queue: deque[tuple[list[Mapping[str, Any]], datetime]] = deque()
        self._num_waiting = 0
        self._change = threading.Condition()
        self._stop = False
        self._thread = threading.Thread(target=self._write, name="recent", daemon=True)
        self._thread.start()

    def offer(self, events: Sequence[Mapping[str, Any]], arrival: datetime) -> None:
        """Take events that are durable. When too many wait for the store, these are left out and counted."""
        kept = [event for event in events if event["type"] in TYPES]
        if not kept:
            return
        with self._change:
            if self._num_waiting + len(kept) > self._settings.serving.max_waiting_events:
                metrics.RECENT_FAILURES.labels(operation="queue").inc(len(kept))
                return
            self._queue.append((kept, arrival))
            self._num_waiting += len(kept)
            self._change.notify()

    def begin(self, user: str) -> Any:
        """Begin to read the acts of a viewer; `end` takes what this returns."""
        return self._lookup.begin(ids.key(user))

    def end(self, begun: Any) -> tuple[list[Act], str]:
        """The acts, and why there are none: empty, `no_store`, `breaker`, `timeout` or `error`."""
        acts, failure = self._lookup.end(begun)
        return acts or [], failure

    def refresh(self, now: datetime, caught_up: datetime | None) -> None:
        """Open the store unless it is open, and let go of acts that viewers' rows hold, or that are too old.

        Args:
          now: the time.
          caught_up: the start of the newest arrival window whose events are in the online store; None for none. Acts of
            that window itself stay: some of its files may have been ingested a window later.
        """
        self._lookup.prepare()
        oldest = now - timedelta(hours=self._settings.serving.recent_h)
        before = oldest if caught_up is None else max(caught_up, oldest)
        if self._forgotten is None or before - self._forgotten >= _FORGET_EVERY:
            self._opened().forget(before)
            self._forgotten = before

    def close(self) -> None:
        """Write what waits, once, and close the store."""
        with self._change:
            self._stop = True
            self._change.notify()
        self._thread.join()
        self._lookup.close()
        if self._store is not None:
            self._store.close()

    def _opened(self) -> RecentStore:
        with self._opening:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    def _write(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._queue or self._stop)
                waiting, self._queue = list(self._queue), deque()
            if not waiting:
                return
            if not self._written(waiting):
                with self._change:
                    if self._stop:
                        return
                    self._queue.extendleft(reversed(waiting))
                    self._change.wait_for(lambda: self._stop, timeout=_RETRY_S)
                continue
            with self._change:
                self._num_waiting -= sum(len(events) for events, _ in waiting)

    def _written(self, waiting: Sequence[tuple[list[Mapping[str, Any]], datetime]]) -> bool:
        keep = timedelta(hours=self._settings.serving.recent_h)
        ahead = timedelta(seconds=self._settings.ingest.max_future_s)
        try:
            for events, arrival in waiting:
                acts = acts_of(events, arrival, keep, ahead)
                if acts:
                    self._opened().write(acts, arrival)
                    metrics.RECENT_ACTS.inc(len(acts))
        except Exception:  # whatever the store's client raises; the events themselves are durable
            metrics.RECENT_FAILURES.labels(operation="write").inc()
            _logger.warning("acts of viewers could not be written beside the online store", exc_info=True)
            return False
        return True
