"""An index that many threads search while one changes it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.index import IndexSettings
from models.index.health import Age, Health, why_rebuild
from models.index.keyed import Keyed
from models.index.lock import ReadersWriter
from models.index.plan import plan_for
from models.index.searcher import Searcher, build_searcher, finite
from models.index.vectors import Vectors, without

_logger = logging.getLogger(__name__)
#: Keys [n] -> those of them that have a vector [m], and the vectors [m, d].
VectorsOf = Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.float32]]]
#: Called between small steps of work, where others use Python meanwhile.
Rest = Callable[[], object]
#: A rebuild leaves the other cores to those who search.
_REBUILD_THREADS = 1


@dataclass(frozen=True)
class Change:
    """What one `hold` did: videos inserted and deleted, and whether a rebuilt index took over."""

    inserted: int = 0
    deleted: int = 0
    rebuilt: bool = False


class LiveIndex:
    """Videos by key. `search` and `take` may be called from any thread, `hold` from one at a time.

    ScaNN is changed in place under a readers-writer lock: its search runs without Python's lock and takes none of its
    own, and beside an upsert it returns wrong rows (docs/adr/0008). A batch keeps searches waiting for milliseconds. A
    rebuild is made beside the index, in a thread of its own, from the vectors as they are, and takes over at a later
    `hold`, which brings it up to date.
    """

    def __init__(self, searcher: Searcher, vectors: Vectors, rows: NDArray[np.int64], settings: IndexSettings) -> None:
        """`rows` [n] holds the key of each row of `searcher`; the same keys as `vectors`."""
        self._held, self._vectors, self._settings = Keyed(searcher, rows), vectors, settings
        self._before = searcher.health()
        self._inserted = 0
        self._lock = ReadersWriter()
        self._rebuild: _Rebuild | None = None

    def __len__(self) -> int:
        return len(self._held)

    @property
    def searcher(self) -> Searcher:
        """What is searched now; to be used by one who knows that nobody calls `hold` meanwhile."""
        return self._held.searcher

    @property
    def health(self) -> Health:
        """ScaNN's statistics now."""
        return self._held.searcher.health()

    @property
    def keys(self) -> NDArray[np.int64]:
        """[n] keys of the videos that it holds, ascending."""
        return self._vectors.keys

    @property
    def is_rebuilding(self) -> bool:
        """True while a rebuild is being made."""
        return self._rebuild is not None and self._rebuild.is_alive()

    def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `k` videos with the largest dot products, fewer when there are fewer: query [d] -> keys [k], scores [k],
        best first. Raises IndexInputError when the query is of another width or not finite."""
        return self.search_each(query[None, :], k)[0]

    def search_each(self, queries: NDArray[np.float32], k: int) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """`search` for each of queries [q, d], all of the same index."""
        with self._lock.reading():
            return self._held.search(queries, k)

    def take(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of `keys` [m], [m, d]; NaN for one that it does not hold."""
        return self._vectors.take(keys)

    def hold(self, wanted: NDArray[np.int64], vectors_of: VectorsOf, rest: Rest | None = None) -> Change:
        """Make it hold exactly the `wanted` videos, as far as they have vectors.

        Args:
          wanted: [n] keys, none twice.
          vectors_of: asked once for the videos that it lacks, ascending.
          rest: called after each batch.

        Raises:
          IndexInputError: a new vector is of another width or not finite; then nothing changed.
        """
        rebuilt = self._take_over(rest)
        # A snapshot is sorted by key, which this sort finds out in one pass.
        wanted = np.sort(wanted, kind="stable")
        gone, missing = without(self._vectors.keys, wanted), without(wanted, self._vectors.keys)
        keys, vectors = vectors_of(missing) if len(missing) else (missing, self._vectors.added[:0])
        vectors = finite(vectors, self._vectors.base.shape[1], "the vectors of new videos")
        if len(gone) or len(keys):
            # A seed that is deleted is not looked up any more; one that is inserted not yet.
            self._vectors = self._vectors.changed(gone, keys[:0], vectors[:0])
            self._apply(self._held, gone, keys, vectors, self._lock, rest)
            self._vectors = self._vectors.changed(gone[:0], keys, vectors)
            self._inserted += len(keys)
        self._rebuild_when_due()
        return Change(len(keys), len(gone), rebuilt)

    def wait(self) -> None:
        """Wait for a rebuild that is being made; the next `hold` puts it in place."""
        if self._rebuild is not None:
            self._rebuild.join()

    def _apply(
        self,
        held: Keyed,
        gone: NDArray[np.int64],
        keys: NDArray[np.int64],
        vectors: NDArray[np.float32],
        lock: ReadersWriter,
        rest: Rest | None,
    ) -> None:
        step, rest = self._settings.upsert_batch, rest or (lambda: None)
        deletion = held.deletion(gone)
        for first in range(0, len(gone), step):
            with lock.writing():
                held.delete(deletion, first, first + step)
            rest()
        held.reserve(len(keys))
        for first in range(0, len(keys), step):
            with lock.writing():
                held.insert(keys[first : first + step], vectors[first : first + step])
            rest()

    def _take_over(self, rest: Rest | None) -> bool:
        """Put a finished rebuild in place, after what changed meanwhile was changed in it too."""
        rebuild = self._rebuild
        if rebuild is None or rebuild.is_alive():
            return False
        self._rebuild = None
        if rebuild.made is None:
            return False
        then, now = rebuild.vectors.keys, self._vectors.keys
        new = without(now, then)
        before = rebuild.made.searcher.health()
        # Nobody else knows it yet: its own lock keeps nobody waiting.
        self._apply(rebuild.made, without(then, now), new, self._vectors.take(new), ReadersWriter(), rest)
        with self._lock.writing():
            self._held = rebuild.made
        self._before, self._inserted = before, len(new)
        return True

    def _rebuild_when_due(self) -> None:
        if self._rebuild is not None:
            return
        searcher, num = self._held.searcher, len(self._held)
        wanted = plan_for(num, self._settings).kind
        age = Age(searcher.plan.kind, wanted, self._before, searcher.health(), self._inserted / max(num, 1))
        reason = why_rebuild(age, self._settings)
        if reason is not None:
            _logger.info("the index of %d videos is built anew: %s", num, reason)
            self._rebuild = _Rebuild(self._vectors, self._settings)
            self._rebuild.start()


class _Rebuild(threading.Thread):
    """Builds an index of `vectors`; `made` is None when that failed, and the one we have goes on."""

    def __init__(self, vectors: Vectors, settings: IndexSettings) -> None:
        super().__init__(name="rebuild-index", daemon=True)
        self.vectors, self._settings = vectors, settings
        self.made: Keyed | None = None

    def run(self) -> None:
        keys = self.vectors.keys
        try:
            plan = plan_for(len(keys), self._settings)
            self.made = Keyed(build_searcher(self.vectors.take(keys), plan, _REBUILD_THREADS), keys)
        except Exception:
            _logger.exception("the index of %d videos could not be built anew", len(keys))
