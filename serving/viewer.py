"""The viewer of a request: one read from the online store, with a timeout, a breaker and a default."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import aggregate_columns
from homefeed.settings.serving import ServingSettings

_NOBODY = "nobody"
#: Reads one viewer from the online store: id -> row with `known`.
ViewerRead = Callable[[str], dict[str, Any]]

_LISTS: dict[str, type[Any]] = {
    "history_videos": np.int64,
    "history_times": np.int64,
    "history_fractions": np.float32,
    "watched_videos": np.int64,
    "dismissed_videos": np.int64,
    "subscribed_channels": np.int64,
    "blocked_channels": np.int64,
}


@dataclass(frozen=True)
class Viewer:
    """One viewer.

    Attributes:
      row: what bundles read: user aggregates, `country`, `language`, `age` and the lists as arrays.
      known: False for a viewer that the platform never saw.
    """

    row: Mapping[str, Any]
    known: bool

    def keys(self, name: str) -> NDArray[np.int64]:
        """A list of keys, such as `watched_videos`, as an array."""
        keys: NDArray[np.int64] = self.row[name]
        return keys

    def in_country(self, country: str | None) -> "Viewer":
        """The same viewer, somewhere else for this request."""
        return self if country is None else replace(self, row={**self.row, "country": country})


def viewer_of(row: Mapping[str, Any]) -> Viewer:
    """A viewer from a row of the online store; what is missing gets the default of an unknown viewer."""
    lists = {name: np.asarray([] if row.get(name) is None else row[name], kind) for name, kind in _LISTS.items()}
    aggregates = {name: np.float32(row.get(name) or 0) for name in aggregate_columns("user")}
    profile = {"country": row.get("country") or "", "language": row.get("language") or "", "age": row.get("age")}
    return Viewer({**aggregates, **profile, **lists}, known=bool(row.get("known", False)))


UNKNOWN = viewer_of({})


class Viewers:
    """Reads viewers; a failing or slow store costs a request at most the timeout, and a broken one nothing.

    Args:
      settings: timeout and breaker.
      open_store: opens the online store; called until it succeeds, since the store appears with the first features.
    """

    def __init__(self, settings: ServingSettings, open_store: Callable[[], ViewerRead]) -> None:
        self._settings = settings
        self._open_store = open_store
        self._read: ViewerRead | None = None
        self._pool = ThreadPoolExecutor(settings.num_threads, thread_name_prefix="viewer")
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    def prepare(self) -> None:
        """Open the store unless it is open; called off the response path. Raises what opening raises."""
        if self._read is None:
            read = self._open_store()
            # The first read of each thread opens connections and imports: no viewer waits for that.
            list(self._pool.map(read, [_NOBODY] * self._settings.num_threads))
            self._read = read

    def read(self, user: str) -> tuple[Viewer, str]:
        """The viewer, and why the default was taken instead: empty, `no_store`, `breaker`, `timeout` or `error`."""
        if self._read is None:
            return UNKNOWN, "no_store"
        if time.monotonic() < self._closed_until:
            return UNKNOWN, "breaker"
        try:
            row = self._pool.submit(self._read, user).result(timeout=self._settings.viewer_timeout_s)
        except TimeoutError:
            return UNKNOWN, self._failed("timeout")
        except Exception:  # whatever the store's client raises, the page goes on without it
            return UNKNOWN, self._failed("error")
        self._failures = 0
        return viewer_of(row), ""

    def close(self) -> None:
        """Let go of the reading threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _failed(self, why: str) -> str:
        with self._lock:
            self._failures += 1
            if self._failures >= self._settings.breaker_failures:
                self._closed_until, self._failures = time.monotonic() + self._settings.breaker_s, 0
        return why


def open_online_store(settings: Any) -> ViewerRead:
    """The platform's own online store: Feast."""
    from feature_repo.online import UserStore

    read: ViewerRead = UserStore(settings).read
    return read
