"""Vectors of videos by a bundle's candidate tower, from rows of a snapshot: how an upload enters the index."""

import logging
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.index import Rest
from models.membership import among
from models.retrieval.moment import moment
from models.retrieval.page_candidates import PageCandidates
from models.video_table import CONTENT, video_table

#: Sums of the snapshot that stand for `watches.COUNT_SPANS`, in their order.
_COUNTS = ("video_watches_1h", "video_watches_24h", "video_watches_7d")
_READ = (*CONTENT, "title", *_COUNTS)
#: Videos that the tower reads at once, in a few milliseconds.
_BLOCK = 1_024
_logger = logging.getLogger(__name__)


def candidate_vectors(
    candidates: PageCandidates,
    rows: pa.Table,
    mean: NDArray[np.float32],
    time: datetime,
    rest: Rest | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Vectors at a moment.

    Args:
      candidates: the tower.
      rows: n rows of a snapshot.
      mean: `mean_counts` of the whole snapshot.
      time: the moment, which ages are counted to.
      rest: called after each small step.

    Returns:
      Keys [n], ascending, and their vectors [n, d].
    """
    rows = rows.sort_by("video")
    now = np.int64(time.timestamp() * 1_000_000)
    blocks = []
    for first in range(0, max(len(rows), 1), _BLOCK):
        blocks.append(_block(candidates, rows.slice(first, _BLOCK), mean, now))
        if rest is not None:
            rest()
    return np.concatenate([keys for keys, _ in blocks]), np.concatenate([vectors for _, vectors in blocks])


def mean_counts(snapshot: pa.Table) -> NDArray[np.float32]:
    """Watches of a mean video of a snapshot in each of `watches.COUNT_SPANS`, [c]; 0 of an empty one."""
    total = [pc.sum(snapshot.column(name), min_count=0).as_py() for name in _COUNTS]
    return np.array(total, np.float32) / np.float32(max(len(snapshot), 1))


def new_vectors(
    candidates: PageCandidates,
    snapshot: pa.Table,
    wanted: NDArray[np.int64],
    time: datetime,
    rest: Rest | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`candidate_vectors` of the videos `wanted` [n] of a snapshot; one without a finite vector is left out."""
    # `np.isin` would keep Python's lock while it sorts a million keys.
    is_wanted = among(snapshot.column("video").to_numpy(), wanted)
    rows = snapshot.select([n for n in _READ if n in snapshot.column_names]).filter(pa.array(is_wanted))
    keys, vectors = candidate_vectors(candidates, rows, mean_counts(snapshot), time, rest)
    whole = np.isfinite(vectors).all(axis=1)
    if not whole.all():
        _logger.warning("%d new videos have no finite vector and stay out of the index", (~whole).sum())
    return keys[whole], vectors[whole]


def _counts(rows: pa.Table) -> NDArray[np.float32]:
    return np.column_stack([rows.column(name).to_numpy().astype(np.float32) for name in _COUNTS])


def _block(
    candidates: PageCandidates, rows: pa.Table, mean: NDArray[np.float32], now: np.int64
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    table = video_table(rows)
    return table.keys, candidates(table, moment(table.uploaded, _counts(rows), mean, np.full(len(table), now)))
