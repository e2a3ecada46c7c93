"""Work in Python that gives way to the threads beside it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Processor time after which a thread pauses, and how many times as long as it has worked.
_WORK_S, _TIMES = 0.0005, 2.0


@contextmanager
def giving_way() -> Iterator[None]:
    """Let this thread pause after every half millisecond of work, for twice as long as it worked.

    A thread that wants Python's lock for seconds gets it half of the time, and a page, which asks for the lock a
    hundred times, waits each time. Loading a graph of TensorFlow is such work, a million calls of functions in
    Python; nothing in it can be asked to pause, so the interpreter is, at every call.
    """
    since = time.thread_time()

    def pause(frame: FrameType, event: str, argument: object) -> None:
        nonlocal since
        worked = time.thread_time() - since
        if worked > _WORK_S:
            time.sleep(_TIMES * worked)
            since = time.thread_time()

    before = sys.getprofile()
    sys.setprofile(pause)
    try:
        yield
    finally:
        sys.setprofile(before)
