"""Open an index that was saved: at once, or a little at a time while another one is searched.

ScaNN's loader keeps Python's lock, for 0.9 s at a million videos, and every page waits. With the first rows alone it
takes milliseconds, and the others are inserted: each finds the leaf and the codes that it had when the index was built,
since tree and codebook are the same; one that is as near to two leaves may come to the other.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.index.live import Rest
from models.index.plan import Plan
from models.index.scann_alone import scann_ops
from models.index.searcher import Searcher

_FIRST = 1_000
#: Rows that are inserted at once, 0.8 ms of Python's lock.
_BATCH = 64


def open_searcher(folder: Path, plan: Plan, width: int) -> Searcher:
    """Open what `Searcher.save` wrote. Raises OSError or ValueError when it is not there or not whole."""
    # ScaNN would unpickle names that lie there; this index has none, so what lies there is not ours.
    if any(folder.glob("*.pkl")):
        raise ValueError(f"{folder} holds a pickle, which an index never has")
    try:
        scann = scann_ops().load_searcher(str(folder), assets_backcompat_shim=False)
        scann.initialize_health_stats()
    except RuntimeError as error:
        raise ValueError(f"{folder} holds no whole index: {error}") from error
    return Searcher(scann, plan, width).make_room()


def open_gently(folder: Path, plan: Plan, vectors: NDArray[np.float32], rest: Rest) -> Searcher:
    """The same in small steps, 12 s of them at a million videos instead of 1 in one piece.

    Args:
      folder: where `Searcher.save` wrote.
      plan: what it was built with.
      vectors: [n, d] that it was built of, may be mapped into memory.
      rest: called after each step; others can have Python's lock meanwhile.

    Raises:
      OSError, ValueError: its files are not there or not whole.
    """
    num, width = vectors.shape
    if num <= _FIRST:
        return open_searcher(folder, plan, width)
    with tempfile.TemporaryDirectory(prefix="homefeed-index-") as first:
        for file in folder.iterdir():
            if file.suffix != ".npy":
                shutil.copy(file, first)
                continue
            rows = np.load(file, mmap_mode="r", allow_pickle=False)
            if len(rows) != num:
                raise ValueError(f"{file} holds {len(rows)} rows, not {num}")
            np.save(Path(first) / file.name, rows[:_FIRST])
        searcher = open_searcher(Path(first), plan, width).make_room(num)
    for at in range(_FIRST, num, _BATCH):
        searcher.insert(vectors[at : at + _BATCH])
        rest()
    return searcher
