"""Steps made one ahead, in a thread of their own, so that numpy works while the graph does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def one_ahead(steps: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same steps in the same order; while one is used the next is made. What making one raises is raised here."""
    with ThreadPoolExecutor(1, "steps") as pool:
        made = pool.submit(next, steps, None)
        while (step := made.result()) is not None:
            made = pool.submit(next, steps, None)
            yield step
