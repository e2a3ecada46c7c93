"""One shard of a release's index, in a process of its own: a part of the videos, and the towers that place new ones."""

import logging
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.settings import Settings
from homefeed.settings.index import IndexSettings
from models.bundle.candidate_vectors import new_vectors
from models.bundle.load import checked_parts
from models.bundle.page_weights import load_candidates
from models.bundle.store import BundleError, bundle_path
from models.index import FOLDER as INDEX_FOLDER
from models.index import Change, LiveIndex, Rest, load_shard, shard_of
from models.retrieval.page_candidates import PageCandidates

_logger = logging.getLogger(__name__)


class BundleShard:
    """One shard of a release, ready to be searched. Searching is safe from several threads while one calls `refresh`.

    Attributes:
      release: id.
      number: of the shard, from 0, of `num_shards`.
      index: what is searched; `refresh` keeps it to its share of the newest catalogue.
    """

    def __init__(
        self, release: str, candidates: PageCandidates, number: int, num_shards: int, index: LiveIndex
    ) -> None:
        self.release, self.number, self.num_shards, self.index = release, number, num_shards, index
        self._candidates = candidates

    def refresh(self, snapshot: pa.Table, time: datetime, rest: Rest | None = None) -> None:
        """Hold the videos of a newer snapshot that belong to this shard, and no others.

        Args:
          snapshot: every video that may be shown.
          time: end of the snapshot's window, for which the vectors of new videos are computed.
          rest: called between small steps of work where others search meanwhile.
        """

        def vectors_of(missing: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            return new_vectors(self._candidates, snapshot, missing, time, rest)

        keys = snapshot.column("video").to_numpy()
        own = keys[shard_of(keys, self.num_shards) == self.number]
        change = self.index.hold(own, vectors_of, rest)
        if change != Change():
            _logger.info("shard %d of %s, snapshot to %s: %s", self.number, self.release, time.isoformat(), change)

    def forget(self) -> None:
        """Do nothing: a shard keeps nothing of the snapshot before the newest."""


def load_bundle_shard(
    settings: Settings, release: str, number: int, num_shards: int, rest: Rest | None = None
) -> BundleShard:
    """The shard of a release from the model store; `rest` is called between small steps while others are searched.

    Raises:
      BundleError: there is no bundle, it is not whole, or its index has another number of shards.
    """
    return open_shard(bundle_path(settings, release), release, number, num_shards, settings.index, rest)


def open_shard(
    path: Path, release: str, number: int, num_shards: int, settings: IndexSettings, rest: Rest | None = None
) -> BundleShard:
    """`load_bundle_shard` on a folder; `settings` say how its index is kept fresh."""
    parts = checked_parts(path, release, rest)
    if len(parts.record.plans) != num_shards:
        raise BundleError(
            f"the index of bundle {release} has {len(parts.record.plans)} shards and there are {num_shards} services; "
            f"set HOMEFEED_INDEX__NUM_SHARDS={num_shards} where indexes are built, and build it again"
        )
    try:
        candidates = load_candidates(path)
        index = load_shard(path / INDEX_FOLDER, number, parts.videos, parts.vectors, settings, rest)
    except (OSError, ValueError) as error:
        raise BundleError(f"bundle {release} cannot be read: {error}") from error
    return BundleShard(release, candidates, number, num_shards, index)
