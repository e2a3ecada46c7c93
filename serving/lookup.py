"""A read from a store that may be slow or gone: with a timeout, a breaker, and the reason when there is no answer."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from homefeed.settings.serving import ServingSettings

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Lookup(Generic[Key, Answer]):
    """Reads by key from a store; a slow store costs a request at most the timeout, and a broken one nothing.

    Args:
      settings: timeout, breaker and number of threads.
      open_store: opens the store and gives its read; called until it succeeds, since a store may appear later.
      nobody: a key that is read once by every thread when the store opens, so that no request waits for a connection.
    """

    def __init__(
        self, settings: ServingSettings, open_store: Callable[[], Callable[[Key], Answer]], nobody: Key, name: str
    ) -> None:
        self._settings = settings
        self._open_store = open_store
        self._nobody = nobody
        self._read: Callable[[Key], Answer] | None = None
        self._pool = ThreadPoolExecutor(settings.num_threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    def prepare(self) -> None:
        """Open the store unless it is open; called off the response path. Raises what opening raises."""
        if self._read is None:
            read = self._open_store()
            list(self._pool.map(read, [self._nobody] * self._settings.num_threads))
            self._read = read

    def begin(self, key: Key) -> "Future[Answer] | str":
        """Begin to read, so that other work goes on meanwhile: what `end` takes."""
        if self._read is None:
            return "no_store"
        if time.monotonic() < self._closed_until:
            return "breaker"
        return self._pool.submit(self._read, key)

    def end(self, begun: "Future[Answer] | str") -> tuple[Answer | None, str]:
        """The answer, or why there is none: `no_store`, `breaker`, `timeout` or `error`."""
        if isinstance(begun, str):
            return None, begun
        try:
            answer = begun.result(timeout=self._settings.viewer_timeout_s)
        except TimeoutError:
            begun.cancel()  # one that has not begun does not hold up those behind it
            return None, self._failed("timeout")
        except Exception:  # whatever the store's client raises, the page goes on without it
            return None, self._failed("error")
        self._failures = 0
        return answer, ""

    def close(self) -> None:
        """Let go of the reading threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _failed(self, why: str) -> str:
        with self._lock:
            self._failures += 1
            if self._failures >= self._settings.breaker_failures:
                self._closed_until, self._failures = time.monotonic() + self._settings.breaker_s, 0
        return why
