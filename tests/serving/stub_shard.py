"""The real shard service with a stub of an index: `python stub_shard.py --shard N`.

It holds its share of 2,000 videos, each with the vector that `vector_of` says; a search is exact. While there is a file
`var/shard-<N>-slow` its searches take half a second.
"""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import serving.shard_service
from homefeed import ids
from homefeed.settings import Settings
from models.index import shard_of

WIDTH = 16
KEYS = np.sort(np.array([ids.key(f"video-{number:04}") for number in range(2000)]))


def vector_of(keys: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The vector that a video always has, [n] -> [n, WIDTH]."""
    return np.sin(np.outer(keys % 100_003, 1 + np.arange(WIDTH)) * 0.7 + 0.3).astype(np.float32)


class StubIndex:
    """Exact search over some of the videos."""

    def __init__(self, keys: np.ndarray[Any, Any], slow: Path) -> None:
        self.keys, self._slow = keys, slow

    def search_each(self, queries: np.ndarray[Any, Any], k: int) -> list[tuple[Any, Any]]:
        if self._slow.exists():
            time.sleep(0.5)
        found = []
        for query in queries:
            scores = vector_of(self.keys) @ query
            best = np.argsort(-scores, kind="stable")[:k]
            found.append((self.keys[best], scores[best]))
        return found

    def take(self, keys: np.ndarray[Any, Any]) -> Any:
        return np.where(np.isin(keys, self.keys)[:, None], vector_of(keys), np.float32(np.nan))


def load_stub(settings: Settings, release: str, number: int, num_shards: int, rest: Any) -> Any:
    """What the service loads as its shard of a release."""
    own = StubIndex(KEYS[shard_of(KEYS, num_shards) == number], settings.var / f"shard-{number}-slow")
    return SimpleNamespace(release=release, index=own, refresh=lambda snapshot, time, rest: None, forget=lambda: None)


if __name__ == "__main__":
    serving.shard_service.load_part = load_stub
    serving.shard_service.main()
