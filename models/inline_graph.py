"""Small graphs run in the thread that asks: handing each operation to a pool costs a request more than it saves."""

from contextlib import AbstractContextManager
from typing import Any


def inline() -> AbstractContextManager[Any]:
    """Graphs that are called within run their operations one after the other in this thread; a single operation may
    still use several."""
    import tensorflow as tf

    manager: AbstractContextManager[Any] = tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")
    return manager
