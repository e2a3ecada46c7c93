"""Work in Python that gives way to the threads beside it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Processor time after which a thread rests for as long as it worked.
_WORK_S = 0.0005
#: How often it then looks whether others are still busy, and after how many looks it goes on all the same.
_LOOK_S, _LOOKS = 0.002, 3


@contextmanager
def giving_way(is_busy: Callable[[], bool], meanwhile: Callable[[], None]) -> Iterator[None]:
    """Let this thread rest after every half millisecond of work, and until nobody is busy, for 6 ms at most.

    A thread that wants Python's lock for seconds gets it half of the time, and a page, which asks for the lock a
    hundred times, waits each time. Loading a graph of TensorFlow is such work, a million calls of functions in
    Python; nothing in it can be asked to rest, so the interpreter is, at every call.

    Args:
      is_busy: whether there is someone to give way to.
      meanwhile: called after each rest, by this thread; what it raises is raised by whatever this thread was doing.
    """
    since = time.thread_time()

    def rest(frame: FrameType, event: str, argument: object) -> None:
        nonlocal since
        worked = time.thread_time() - since
        if worked > _WORK_S:
            time.sleep(worked)
            for _ in range(_LOOKS):
                if not is_busy():
                    break
                time.sleep(_LOOK_S)
            meanwhile()
            since = time.thread_time()

    before = sys.getprofile()
    sys.setprofile(rest)
    try:
        yield
    finally:
        sys.setprofile(before)
