"""An index in shards: each holds the videos of its share of the keys, a query asks all of them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.index.live import Change, Rest, VectorsOf
from models.index.searcher import IndexInputError


class Searchable(Protocol):
    """What a bundle asks of its index, wherever that is."""

    def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `k` nearest: query [d] -> keys [k], scores [k], best first."""

    def search_each(self, queries: NDArray[np.float32], k: int) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """`search` for each of queries [q, d]."""

    def take(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of `keys` [m], [m, d]; NaN for one that it does not hold."""

    def hold(self, wanted: NDArray[np.int64], vectors_of: VectorsOf, rest: Rest | None = None) -> Change:
        """Make it hold exactly the `wanted` videos [n], as far as they have vectors; `rest` is called between small
        steps."""


class Index(Searchable, Protocol):
    """Videos by key in this process, whole or in shards."""

    def __len__(self) -> int: ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """[n] keys of the videos that it holds, ascending."""


class Shards:
    """Shards behind the contract of one index. A result is the best `k` of the best `k` of each shard, so with exact
    shards it is the result of one exact index."""

    def __init__(self, shards: Sequence[Index]) -> None:
        self._shards = tuple(shards)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    @property
    def keys(self) -> NDArray[np.int64]:
        """[n] keys of the videos that it holds, ascending."""
        return np.sort(np.concatenate([shard.keys for shard in self._shards]))

    def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `k` nearest of all shards: query [d] -> keys [k], scores [k], best first."""
        return self.search_each(query[None, :], k)[0]

    def search_each(self, queries: NDArray[np.float32], k: int) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """`search` for each of queries [q, d]."""
        found = [shard.search_each(queries, k) for shard in self._shards]
        return [merged(of_query, k) for of_query in zip(*found, strict=True)]

    def take(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of `keys` [m], [m, d]; NaN for one that it does not hold."""
        # A video is in one shard; of the others each has NaN for it.
        return np.asarray(np.fmax.reduce([shard.take(keys) for shard in self._shards]))

    def hold(self, wanted: NDArray[np.int64], vectors_of: VectorsOf, rest: Rest | None = None) -> Change:
        """`hold` of each shard with its share of the keys."""
        shard = shard_of(wanted, len(self._shards))
        done = [part.hold(wanted[shard == place], vectors_of, rest) for place, part in enumerate(self._shards)]
        return Change(
            sum(change.inserted for change in done),
            sum(change.deleted for change in done),
            any(change.rebuilt for change in done),
        )


def merged(
    found: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best `k` of what shards found, each keys [n] and scores [n]: keys [k], scores [k], best first."""
    keys, scores = (np.concatenate(columns) for columns in zip(*found, strict=True))
    best = np.argsort(-scores, kind="stable")[:k]
    return keys[best], scores[best]


def shard_of(keys: NDArray[np.int64], num_shards: int) -> NDArray[np.int64]:
    """Number of the shard of each video, [n]: keys are uniform hashes, so the shards are of one size and a new video's
    shard is known without asking.

    Raises:
      IndexInputError: the shards are none.
    """
    if num_shards < 1:
        raise IndexInputError(f"an index cannot have {num_shards} shards; HOMEFEED_INDEX__NUM_SHARDS is at least 1")
    return (keys.astype(np.uint64) % np.uint64(num_shards)).astype(np.int64)
