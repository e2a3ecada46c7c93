"""How many pages are being made: one that is alone may use every core, many share them, other work waits for them."""

import threading
from types import TracebackType


class Making:
    """Counts those that are within; a context manager for any thread."""

    def __init__(self) -> None:
        self._lock, self._num = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            self._num += 1

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with self._lock:
            self._num -= 1

    def is_alone(self) -> bool:
        """Whether one is within, and nobody else."""
        return self._num == 1

    def is_any(self) -> bool:
        """Whether anyone is within."""
        return self._num > 0
