"""`homefeed bench redis`: viewers in a real Redis as Feast writes them: the bytes of each, and the time to read one."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from homefeed.errors import HomefeedError
from homefeed.settings import Settings

MEANING = {
    "viewers": "Viewers in the store, each with a full history and 200 watched videos.",
    "bytes_per_viewer": "Memory of Redis with the viewers less that without, divided by their number.",
    "key_bytes_per_viewer": "The same as Redis says of single keys (`MEMORY USAGE`), a mean over 200 of them.",
    "gib_for_all_viewers": "Memory for 1.3 billion viewers of this kind, one copy: bytes_per_viewer times that.",
    "snapshot_bytes_per_video": "Bytes of a video in the columnar snapshot; videos are never in Redis.",
    "written_per_s": "Viewers written per second, both views of each, by Feast from one process.",
    "lookup_p50_ms": "Half of the reads of one viewer by `UserStore.read` were answered within this time.",
    "lookup_p99_ms": "99 of 100 were; one reader, Redis on the same machine.",
}
SITE_VIEWERS = 1_300_000_000
NUM_VIDEOS, NUM_LOOKUPS, NUM_KEYS = 20_000, 3000, 200


class RedisBenchError(HomefeedError):
    """Redis cannot be measured here."""


def run(settings: Settings, progress: Any) -> dict[str, float]:
    """Start a Redis of its own, fill it through Feast, and read viewers one by one."""
    import redis

    from feature_repo.online import UserStore
    from homefeed import windows
    from homefeed.cli.bench import serve_site

    random = np.random.default_rng(settings.seed)
    window = serve_site.window_before(datetime.now(UTC))
    snapshot = serve_site.made_snapshot(NUM_VIDEOS, windows.end(window), random)
    viewers = serve_site.made_viewers(snapshot, windows.end(window), settings.features.history_length, random)
    with tempfile.TemporaryDirectory() as folder, _redis(Path(folder)) as port:
        features = settings.features.model_copy(update={"online_url": f"127.0.0.1:{port}"})
        own = settings.model_copy(update={"var": Path(folder), "features": features, "profile": "local"})
        client: Any = redis.Redis(port=port)
        before = int(client.info("memory")["used_memory"])
        begin = time.perf_counter()
        serve_site.publish(own, snapshot, viewers, window)
        written_s = time.perf_counter() - begin
        bytes_per_viewer = (int(client.info("memory")["used_memory"]) - before) / len(viewers.ids)
        keys = [key for key, _ in zip(client.scan_iter(), range(NUM_KEYS), strict=False)]
        key_bytes = float(np.mean([client.memory_usage(key, samples=0) for key in keys]))
        store, times = UserStore(own), np.empty(NUM_LOOKUPS)
        store.read(viewers.ids[0])
        for i, place in enumerate(random.integers(0, len(viewers.ids), NUM_LOOKUPS)):
            begin = time.perf_counter()
            store.read(viewers.ids[place])
            times[i] = time.perf_counter() - begin
        client.close()
        snapshot_bytes = (own.snapshots_path / f"{window}.arrow").stat().st_size / NUM_VIDEOS
    progress.update(progress.task_ids[0], completed=1)
    return {
        "viewers": len(viewers.ids),
        "bytes_per_viewer": bytes_per_viewer,
        "key_bytes_per_viewer": key_bytes,
        "gib_for_all_viewers": bytes_per_viewer * SITE_VIEWERS / 2**30,
        "snapshot_bytes_per_video": snapshot_bytes,
        "written_per_s": len(viewers.ids) / written_s,
        "lookup_p50_ms": float(np.percentile(times, 50) * 1e3),
        "lookup_p99_ms": float(np.percentile(times, 99) * 1e3),
    }


@contextmanager
def _redis(folder: Path) -> Iterator[int]:
    from redis import Redis
    from redis.exceptions import ConnectionError as NotThere

    from homefeed.cli.supervisor.preflight import free_port

    program, port = shutil.which("redis-server"), free_port()
    if program is None:
        raise RedisBenchError("redis-server is not installed; Debian's package of that name has it")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                Redis(port=port).ping()
                break
            except NotThere as error:
                if time.monotonic() > deadline:
                    raise RedisBenchError(f"redis-server did not answer on port {port}: {error}") from error
                time.sleep(0.05)
        yield port
    finally:
        child.terminate()
        child.wait()
