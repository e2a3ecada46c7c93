"""Work in Python that gives way to the threads beside it."""

import time
from collections.abc import Callable

#: Processor time after which a thread rests for as long as it worked.
_WORK_S = 0.0005
#: How often it then looks whether others are still busy, and after how many looks it goes on all the same.
_LOOK_S, _LOOKS = 0.002, 3


class GivingWay:
    """Called by a thread between small steps of its work. After half a millisecond of work it rests for as long as
    it worked, and until nobody is busy, for 6 ms at most.

    A thread that wants Python's lock for seconds gets it half of the time, and a page, which asks for the lock a
    hundred times, waits each time.

    Args:
      is_busy: whether there is someone to give way to.
      meanwhile: called at each call, after the rest if there is one; what it raises is raised by the call.
    """

    def __init__(self, is_busy: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
        self._is_busy, self._meanwhile = is_busy, meanwhile
        self._since = time.thread_time()

    def __call__(self) -> None:
        worked = time.thread_time() - self._since
        if worked > _WORK_S:
            time.sleep(worked)
            for _ in range(_LOOKS):
                if not self._is_busy():
                    break
                time.sleep(_LOOK_S)
        self._meanwhile()
        if worked > _WORK_S:
            self._since = time.thread_time()
