"""`homefeed bench index`: the index over a large catalogue, and other libraries on the same vectors.

The catalogue has HOMEFEED_INDEX__BENCH_VIDEOS videos. How its vectors are made: `homefeed.cli.bench.tower_vectors`.
"""

import ctypes
import gc
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homefeed.cli.bench import rivals, tower_vectors
from homefeed.settings import Settings

if TYPE_CHECKING:
    from models.index import Index

MEANING = {
    "videos": "Videos in the index; their vectors have 64 dimensions.",
    "build_s": "Time to build the index of the settings' plan, from vectors mapped into memory.",
    "build_peak_gib": "Most resident memory of the process while it is built, with TensorFlow and the mapped vectors.",
    "index_gib": "Resident memory more after the build than before.",
    "recall_at_1000": "Index recall: share of the exact 1,000 nearest that it finds; mean over 200 real queries.",
    "search_ms": "Time of one such query on one thread: mean over the queries, best of 3 rounds.",
    "recall_at_21": "The same of the 21 nearest of 200 videos, as they are looked up for more like them.",
    "recall_at_21_ms": "Time of one such query.",
    "insert_s": "Time from the rows of 10,000 uploads to finding the last of them: tower and upsert.",
    "insert_only_s": "The upsert alone.",
    "search_p99_while_inserting_ms": "99th percentile of a search in another thread meanwhile.",
    "search_max_while_inserting_ms": "Longest such search.",
    "delete_s": "Time until 10,000 withdrawn videos are gone.",
    "equal_recall": "The recall that the following are compared at: the least setting of each that reaches it.",
    "scann_equal_ms": "One query at that recall, one thread: this index.",
    "scann_equal_recall": "The recall that it has there.",
}
for _name in rivals.RIVALS:
    MEANING |= {
        f"{_name}_build_s": f"Time to build the index of {_name} on all cores.",
        f"{_name}_build_peak_gib": f"Most resident memory of the process while {_name} builds.",
        f"{_name}_equal_ms": f"One query at that recall, one thread: {_name}.",
        f"{_name}_equal_recall": f"The recall that {_name} has there; below equal_recall no setting tried reaches it.",
    }
EQUAL_RECALL = 0.95
NUM_QUERIES, NUM_ROUNDS, NUM_NEAR = 200, 3, 21
NUM_UPLOADS = 10_000
#: A graph of more videos takes longer than the rest of the benchmark.
RIVALS_UP_TO = 2_000_000


@dataclass(frozen=True)
class Case:
    """What every index is asked.

    Attributes:
      vectors: [v, d], mapped into memory.
      queries: [q, d].
      exact: [q, k] rows of the exact nearest.
    """

    vectors: NDArray[np.float32]
    queries: NDArray[np.float32]
    exact: NDArray[np.int64]

    def measure(self, search: rivals.Search) -> tuple[float, float]:
        """Recall and time of one query [ms] of a search."""
        k = self.exact.shape[1]
        best = float("inf")
        for _ in range(NUM_ROUNDS):
            began = time.perf_counter()
            found = [search(query, k) for query in self.queries]
            best = min(best, time.perf_counter() - began)
        shares = [len(np.intersect1d(rows, wanted)) / k for rows, wanted in zip(found, self.exact, strict=True)]
        return float(np.mean(shares)), 1000 * best / len(self.queries)

    def first_enough(self, settings: Iterator[rivals.Search]) -> tuple[float, float]:
        """Recall and time [ms] of the first that reaches `EQUAL_RECALL`, else of the last."""
        recall, ms = 0.0, 0.0
        for search in settings:
            recall, ms = self.measure(search)
            if recall >= EQUAL_RECALL:
                break
        return recall, ms


def run(settings: Settings, progress: Any) -> dict[str, float]:
    """Make the vectors in a folder of its own; index them, change the index, and index them with other libraries."""
    from models.index import RECALL_AT, exact_rows

    num = settings.index.bench_videos
    task = progress.task_ids[0]
    progress.update(task, total=num, description="vectors")
    with tempfile.TemporaryDirectory(prefix="homefeed-bench-") as folder:
        source = tower_vectors.train_source(settings, Path(folder) / "var", NUM_QUERIES)
        file = Path(folder) / "vectors.npy"
        tower_vectors.write_vectors(
            source, file, num, settings.seed, lambda done: progress.update(task, completed=done)
        )
        vectors = np.load(file, mmap_mode="r", allow_pickle=False)
        queries = source.queries[:NUM_QUERIES]
        case = Case(vectors, queries, exact_rows(vectors, queries, min(RECALL_AT, num)))
        progress.update(task, description="index")
        results = _own(settings, source, case)
        progress.update(task, description="other libraries")
        return results | _rivals(case, progress)


def _own(settings: Settings, source: tower_vectors.Source, case: Case) -> dict[str, float]:
    from models.index import new_index

    num = len(case.vectors)
    with _memory() as memory:
        began = time.perf_counter()
        index, _ = new_index(np.arange(num), case.vectors, settings.index)
        build_s = time.perf_counter() - began
    recall, search_ms = case.measure(lambda query, k: index.search(query, k)[0])
    near_recall, near_ms = _near(case.vectors, settings.seed).measure(lambda query, k: index.search(query, k)[0])
    equal = case.first_enough(_fewer_leaves(index))
    return {
        "videos": float(num),
        "build_s": build_s,
        "build_peak_gib": memory["peak"],
        "index_gib": memory["added"],
        "recall_at_1000": recall,
        "search_ms": search_ms,
        "recall_at_21": near_recall,
        "recall_at_21_ms": near_ms,
        **_change(index, source, case.queries),
        "equal_recall": EQUAL_RECALL,
        "scann_equal_ms": equal[1],
        "scann_equal_recall": equal[0],
    }


def _near(vectors: NDArray[np.float32], seed: int) -> Case:
    """What `Bundle.similar` asks of videos drawn at random: their directions, without the bias."""
    from models.index import exact_rows

    drawn = np.sort(np.random.default_rng(seed).choice(len(vectors), NUM_QUERIES, replace=False))
    queries = np.array(vectors[drawn], np.float32)
    queries[:, -1] = 0
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-6)
    return Case(vectors, queries, exact_rows(vectors, queries, NUM_NEAR))


def _fewer_leaves(index: "Index") -> Iterator[rivals.Search]:
    """The index with fewer leaves looked into and fewer candidates reordered, more and more up to the plan."""
    from models.index import LiveIndex

    if not isinstance(index, LiveIndex):
        return
    searcher = index.searcher
    for part in (1 / 8, 1 / 4, 1 / 2, 1.0):
        leaves = max(1, int(searcher.plan.searched_leaves * part))
        for reordered in (1.5, 2.0, searcher.plan.reordered):
            less = searcher.planned(replace(searcher.plan, searched_leaves=leaves, reordered=reordered))
            yield lambda query, k, less=less: less.search(query[None, :], k)[0][0]  # type: ignore[misc]


def _change(index: "Index", source: tower_vectors.Source, queries: NDArray[np.float32]) -> dict[str, float]:
    """Insert uploads while another thread searches, then withdraw as many videos."""
    took, stop = [], threading.Event()

    def search() -> None:
        place = 0
        while not stop.is_set():
            began = time.perf_counter()
            index.search(queries[place % len(queries)], 1000)
            took.append(1000 * (time.perf_counter() - began))
            place += 1

    other = threading.Thread(target=search)
    num = len(index)
    uploads = np.arange(num, num + NUM_UPLOADS)
    upserted = [0.0]

    def vectors_of(missing: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        vectors = tower_vectors.make_vectors(source, len(missing), num, 1)
        upserted[0] = time.perf_counter()
        return missing, vectors

    wanted = np.concatenate([index.keys, uploads])
    other.start()
    began = time.perf_counter()
    index.hold(wanted, vectors_of)
    insert_s, insert_only_s = time.perf_counter() - began, time.perf_counter() - upserted[0]
    stop.set()
    other.join()
    last = index.take(uploads[-1:])[0]
    if uploads[-1] not in index.search(20 * last, 1000)[0]:
        raise RuntimeError("an upload that was inserted is not found")
    began = time.perf_counter()
    index.hold(wanted[NUM_UPLOADS:], vectors_of)
    return {
        "insert_s": insert_s,
        "insert_only_s": insert_only_s,
        "search_p99_while_inserting_ms": float(np.percentile(took, 99)),
        "search_max_while_inserting_ms": max(took),
        "delete_s": time.perf_counter() - began,
    }


def _rivals(case: Case, progress: Any) -> dict[str, float]:
    results: dict[str, float] = {}
    absent = rivals.missing()
    if absent:
        progress.console.print(f"left out, not installed: {', '.join(absent)}; pip install 'homefeed[bench]'")
    if len(case.vectors) > RIVALS_UP_TO:
        progress.console.print(f"left out above {RIVALS_UP_TO:,} videos: {', '.join(rivals.RIVALS)}")
        return results
    for name in [name for name in rivals.RIVALS if name not in absent]:
        with _memory() as memory:
            began = time.perf_counter()
            settings = rivals.RIVALS[name](case.vectors)
            first = next(settings)
            built_s = time.perf_counter() - began
        recall, ms = case.measure(first)
        if recall < EQUAL_RECALL:
            recall, ms = case.first_enough(settings)
        results |= {
            f"{name}_build_s": built_s,
            f"{name}_build_peak_gib": memory["peak"],
            f"{name}_equal_ms": ms,
            f"{name}_equal_recall": recall,
        }
    return results


@contextmanager
def _memory() -> Iterator[dict[str, float]]:
    """Filled at the end [GiB]: `peak`, the most resident memory inside, and `added`, how much more the end has."""
    import psutil

    process, stop = psutil.Process(), threading.Event()
    # What was freed but is kept for later would be filled first, and not be counted.
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)
    before = peak = process.memory_info().rss
    found: dict[str, float] = {}

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.05):
            peak = max(peak, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        after = process.memory_info().rss
        found |= {"peak": max(peak, after) / 2**30, "added": (after - before) / 2**30}
