"""Vectors of videos by a bundle's candidate tower, from rows of a snapshot: how an upload enters the index."""

import logging
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.retrieval.moment import moment
from models.video_table import video_table

#: Sums of the snapshot that stand for `watches.COUNT_SPANS`, in their order.
_COUNTS = ("video_watches_1h", "video_watches_24h", "video_watches_7d")
#: Videos that the tower reads in one call; bounds the memory of a first, large snapshot.
_BLOCK = 16_384
_logger = logging.getLogger(__name__)


def candidate_vectors(
    towers: Any, rows: pa.Table, mean: NDArray[np.float32], time: datetime
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Vectors at a moment.

    Args:
      towers: a loaded SavedModel of `SavedTowers`.
      rows: n rows of a snapshot.
      mean: `mean_counts` of the whole snapshot.
      time: the moment, which ages are counted to.

    Returns:
      Keys [n], ascending, and their vectors [n, d].
    """
    rows = rows.sort_by("video")
    now = np.int64(time.timestamp() * 1_000_000)
    blocks = [_block(towers, rows.slice(first, _BLOCK), mean, now) for first in range(0, max(len(rows), 1), _BLOCK)]
    return np.concatenate([keys for keys, _ in blocks]), np.concatenate([vectors for _, vectors in blocks])


def mean_counts(snapshot: pa.Table) -> NDArray[np.float32]:
    """Watches of a mean video of a snapshot in each of `watches.COUNT_SPANS`, [c]; 0 of an empty one."""
    return np.asarray(_counts(snapshot).sum(axis=0) / max(len(snapshot), 1), np.float32)


def new_vectors(
    towers: Any, snapshot: pa.Table, wanted: NDArray[np.int64], time: datetime
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`candidate_vectors` of the videos `wanted` [n] of a snapshot; one without a finite vector is left out."""
    rows = snapshot.filter(pa.array(np.isin(snapshot.column("video").to_numpy(), wanted)))
    keys, vectors = candidate_vectors(towers, rows, mean_counts(snapshot), time)
    whole = np.isfinite(vectors).all(axis=1)
    if not whole.all():
        _logger.warning("%d new videos have no finite vector and stay out of the index", (~whole).sum())
    return keys[whole], vectors[whole]


def _counts(rows: pa.Table) -> NDArray[np.float32]:
    return np.column_stack([rows.column(name).to_numpy().astype(np.float32) for name in _COUNTS])


def _block(
    towers: Any, rows: pa.Table, mean: NDArray[np.float32], now: np.int64
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    import tensorflow as tf

    table = video_table(rows)
    videos = {
        "video": tf.constant(table.keys),
        "channel": tf.constant(table.channels),
        "language": tf.constant(table.languages),
        "topics": tf.constant(table.topics),
        "title": tf.constant(table.titles.astype(str)) if len(table) else tf.zeros([0], tf.string),
        "duration_s": tf.constant(table.duration_s),
        "dynamic": tf.constant(moment(table.uploaded, _counts(rows), mean, np.full(len(table), now))),
    }
    return table.keys, np.asarray(towers.candidate(videos).numpy())
