"""`homefeed bench shards`: an index in four shard services against the same index in one process.

Four processes each hold a quarter of HOMEFEED_INDEX__BENCH_VIDEOS videos and answer over HTTP; one caller asks all of
them and merges. How the vectors are made: `homefeed.cli.bench.tower_vectors`. The merged query is held against the
slowest shard of the same query, which is what asking several and merging adds, and against the slowest one asked alone,
with the other three idle: below five cores it also waits for processors that the shards share.
"""

import json
import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray

from homefeed.cli.bench import tower_vectors
from homefeed.errors import HomefeedError
from homefeed.settings import Settings

if TYPE_CHECKING:
    from serving.shards import RemoteShards

MEANING = {
    "videos": "Videos of the catalogue.",
    "cores": "Cores that the command may use.",
    "shards": "Shard services, each a process.",
    "one_recall_at_1000": "Share of exact search's list of 1,000 that the index in one process finds.",
    "shards_recall_at_1000": "The same of the merged lists of the shards.",
    "recall_lost": "The first less the second.",
    "worst_recall_at_1000": "Share of its own part of exact search's list that the worst shard finds, asked alone.",
    "one_ms": "Median time of a query, the index in one process.",
    "slowest_ms": "Median time of a query asked of one shard over HTTP, the others idle; the slowest of the shards.",
    "shards_ms": "Median time of a query asked of all shards over HTTP, merged.",
    "shards_p99_ms": "99th percentile of it.",
    "slowest_of_query_ms": "Median time of the slowest shard of such a query, from request until its answer was read.",
    "caller_cpu_ms": "Median processor time of the caller for such a query.",
    "times_slowest_of_query": "The merged median over that of the slowest shard of each query.",
    "times_alone": "The merged median over that of the slowest shard asked alone.",
    "missed": "Answers of shards that missed the deadline of `shards.deadline_ms`, of all asked.",
    "without_one_recall_at_1000": "Recall of the merged lists with one shard gone.",
}
_SHARDS, _QUERIES, _ROUNDS, _RELEASE = 4, 500, 3, "bench"
_START_S = 120.0
_PATIENT_MS = 20_000.0


def run(settings: Settings, progress: Any) -> dict[str, float]:
    """Make the vectors in a folder of its own, index them twice, and ask both."""
    from models.index import exact_rows

    num = settings.index.bench_videos
    task = progress.task_ids[0]
    progress.update(task, total=num, description="vectors")
    with tempfile.TemporaryDirectory(prefix="homefeed-bench-") as folder:
        source = tower_vectors.train_source(settings, Path(folder) / "var", _QUERIES)
        file = Path(folder) / "vectors.npy"
        tower_vectors.write_vectors(
            source, file, num, settings.seed, lambda done: progress.update(task, completed=done)
        )
        return measure(settings, Path(folder), source.queries[:_QUERIES], exact_rows)


def measure(
    settings: Settings, folder: Path, queries: NDArray[np.float32], exact_rows: Callable[..., NDArray[np.int64]]
) -> dict[str, float]:
    """Everything, of the vectors in `folder`."""
    from models.index import RECALL_AT, new_index, shard_of
    from serving.shards import RemoteShards

    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    num = len(vectors)
    exact = exact_rows(vectors, queries, min(RECALL_AT, num))

    whole, _ = new_index(np.arange(num), vectors, settings.index.model_copy(update={"num_shards": 1}))
    one = asked(whole.search, queries, exact)
    del whole
    _write_index(settings, folder, vectors)
    with _services(settings, folder) as (addresses, stop):
        alone = []
        for number, address in enumerate(addresses):
            shard = RemoteShards(_behind(settings, [address], _PATIENT_MS), _RELEASE)
            own = [rows[shard_of(rows, _SHARDS) == number] for rows in exact]
            alone.append(asked(shard.search, queries, exact, own))
        remote = RemoteShards(_behind(settings, addresses, _PATIENT_MS), _RELEASE)
        merged = asked(remote.search, queries, exact)
        if _missed():
            raise HomefeedError(
                f"{_missed():.0f} answers were not there after {_PATIENT_MS / 1000:.0f} s; measure again"
            )
        timely = RemoteShards(_behind(settings, addresses, settings.shards.deadline_ms), _RELEASE)
        before = _missed()
        asked(lambda query, k: _in_time(timely, query, k), queries, exact)
        missed = (_missed() - before) / (_ROUNDS * len(queries) * len(addresses))
        stop()
        without = asked(remote.search, queries, exact)
    slowest_ms = max(float(np.median(each.ms)) for each in alone)
    shards_ms, of_query_ms = float(np.median(merged.ms)), float(np.median(merged.slowest_ms))
    return {
        "videos": float(num),
        "cores": float(len(os.sched_getaffinity(0))),
        "shards": float(_SHARDS),
        "one_recall_at_1000": one.recall,
        "shards_recall_at_1000": merged.recall,
        "recall_lost": one.recall - merged.recall,
        "worst_recall_at_1000": min(each.recall for each in alone),
        "one_ms": float(np.median(one.ms)),
        "slowest_ms": slowest_ms,
        "shards_ms": shards_ms,
        "shards_p99_ms": float(np.quantile(merged.ms, 0.99)),
        "slowest_of_query_ms": of_query_ms,
        "caller_cpu_ms": float(np.median(merged.cpu_ms)),
        "times_slowest_of_query": shards_ms / of_query_ms,
        "times_alone": shards_ms / slowest_ms,
        "missed": missed,
        "without_one_recall_at_1000": without.recall,
    }


class Asked(NamedTuple):
    """q queries, each the fastest of the rounds.

    Attributes:
      recall: share of what was wanted that was found.
      ms: [q] until its list was there.
      slowest_ms: [q] of them until the last answer of a shard was read, from that shard's request; 0 without shards.
      cpu_ms: [q] of them at work in this thread.
    """

    recall: float
    ms: NDArray[np.float64]
    slowest_ms: NDArray[np.float64]
    cpu_ms: NDArray[np.float64]


def asked(
    search: Callable[[NDArray[np.float32], int], Any],
    queries: NDArray[np.float32],
    exact: NDArray[np.int64],
    wanted: Sequence[NDArray[np.int64]] | None = None,
) -> Asked:
    """Ask a search for as many rows as `exact` [q, k] has, whose rows are `wanted` where nothing else is."""
    took = np.full((_ROUNDS, len(queries), 3), np.inf)
    for turn in range(_ROUNDS):
        found = []
        for place, query in enumerate(queries):
            shards_s, worked, began = _shards_s(), time.thread_time(), time.perf_counter()
            found.append(search(query, exact.shape[1])[0])
            ended, done = time.perf_counter(), time.thread_time()
            took[turn, place] = ended - began, (_shards_s() - shards_s).max(), done - worked
    pairs = zip(found, exact if wanted is None else wanted, strict=True)
    shares = [len(np.intersect1d(rows, own)) / len(own) for rows, own in pairs if len(own)]
    best = 1000 * took[took[:, :, 0].argmin(axis=0), np.arange(len(queries))]
    return Asked(float(np.mean(shares)), *best.T)


def _shards_s() -> NDArray[np.float64]:
    """Seconds that answers of each shard have taken so far, [shards], as `/metrics` of a service has them."""
    from serving.metrics import SHARD_SECONDS

    samples = [sample for metric in SHARD_SECONDS.collect() for sample in metric.samples if "_sum" in sample.name]
    sums = {sample.labels["shard"]: sample.value for sample in samples}
    return np.array([sums.get(str(number), 0.0) for number in range(_SHARDS)])


def _in_time(shards: "RemoteShards", query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], Any]:
    """What is found within the deadline, also when that is nothing."""
    from serving.shards import ShardsError

    try:
        return shards.search(query, k)
    except ShardsError:
        return np.zeros(0, np.int64), None


def _write_index(settings: Settings, folder: Path, vectors: NDArray[np.float32]) -> None:
    from models.index import IndexRecord, new_index
    from models.index.build import PAIRING_FILE

    (folder / "index").mkdir()
    own = settings.index.model_copy(update={"num_shards": _SHARDS})
    index, plans = new_index(np.arange(len(vectors)), vectors, own, folder / "index")
    record = IndexRecord(_RELEASE, len(index), None, plans)
    (folder / "index" / PAIRING_FILE).write_text(json.dumps(asdict(record)))


def _behind(settings: Settings, addresses: list[str], deadline_ms: float) -> Settings:
    shards = settings.shards.model_copy(update={"addresses": ",".join(addresses), "deadline_ms": deadline_ms})
    return settings.model_copy(update={"shards": shards})


def _missed() -> float:
    from serving.metrics import SHARDS_MISSED

    return sum(
        sample.value for metric in SHARDS_MISSED.collect() for sample in metric.samples if "_total" in sample.name
    )


@contextmanager
def _services(settings: Settings, folder: Path) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """The shard services: their addresses, and what ends the last of them."""
    context = multiprocessing.get_context("spawn")
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(_SHARDS)]
    ports = [each.getsockname()[1] for each in listening]
    processes = [
        context.Process(target=_serve, args=(settings, folder, number, each), daemon=True)
        for number, each in enumerate(listening)
    ]

    def stop() -> None:
        processes[-1].kill()
        processes[-1].join()

    for process, each in zip(processes, listening, strict=True):
        process.start()
        each.close()
    try:
        for port, process in zip(ports, processes, strict=True):
            _wait(port, process)
        yield [f"127.0.0.1:{port}" for port in ports], stop
    finally:
        for process in processes:
            process.kill()
            process.join()


def _serve(settings: Settings, folder: Path, number: int, listening: socket.socket) -> None:
    """One shard service, in a process of its own."""
    import uvicorn

    from models.index import load_shard
    from serving.making import Making
    from serving.shard_app import shard_app

    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    index = load_shard(folder / "index", number, np.arange(len(vectors)), vectors, settings.index)
    app = shard_app(number, _SHARDS, lambda: {_RELEASE: index}, lambda: True, 1, Making())
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=75)).run(sockets=[listening])


def _wait(port: int, process: Any) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        if not process.is_alive() or time.monotonic() > until:
            raise HomefeedError("a shard service did not start; what it printed is above")
        time.sleep(0.1)
