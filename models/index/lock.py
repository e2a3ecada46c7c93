"""Many readers or one writer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadersWriter:
    """Readers run together, a writer alone. A writer goes before readers that come later; those that waited for it go
    before the next writer, so that a writer of many batches in a row keeps nobody waiting for more than one.

    Not reentrant: a reader that asks again while a writer waits would wait for ever.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._num_readers = 0
        self._is_writing = False
        self._num_waiting = 0
        self._num_blocked = 0
        self._num_owed = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Inside, nothing is written."""
        with self._condition:
            self._num_blocked += 1
            while self._is_writing or (self._num_waiting and not self._num_owed):
                self._condition.wait()
            self._num_blocked -= 1
            self._num_owed = max(0, self._num_owed - 1)
            self._num_readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._num_readers -= 1
                if not self._num_readers:
                    self._condition.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Inside, nobody reads."""
        with self._condition:
            self._num_waiting += 1
            while self._is_writing or self._num_readers or self._num_owed:
                self._condition.wait()
            self._num_waiting -= 1
            self._is_writing = True
        try:
            yield
        finally:
            with self._condition:
                self._is_writing = False
                self._num_owed = self._num_blocked
                self._condition.notify_all()
