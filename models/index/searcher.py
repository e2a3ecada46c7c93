"""ScaNN over rows: the only place that talks to it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from models.index.exact import RECALL_AT
from models.index.health import Health
from models.index.plan import Kind, Plan
from models.index.scann_alone import scann_ops

#: Below it a vector's error across its direction weighs more than along it; ScaNN's own choice for unit vectors.
_ANISOTROPIC = 0.2
_DIMENSIONS_PER_BLOCK = 2
#: The nearest few lie in the nearest leaves, but quantised scores do not tell them apart. At a million vectors, 21
#: neighbours of a video: recall 0.93 in 0.10 ms with an eighth of the leaves and 1,000 scored again exactly, 0.40 in
#: 0.11 ms with all leaves and three times the list scored again.
_LEAST_LEAVES = 1 / 8
#: Share of the size that can be inserted before ScaNN copies everything to a larger place while searches wait (0.6 s at
#: a million videos). More than `max_inserted_share`, at which the index is built anew.
_ROOM = 0.25


class IndexInputError(HomefeedError):
    """Vectors that cannot be indexed or searched for; the message says which and what is wrong with them."""


class Searcher:
    """Rows of vectors, searched by dot product. It must not be changed while another thread searches it: ScaNN's search
    runs without Python's lock and takes none of its own."""

    def __init__(self, scann: Any, plan: Plan, width: int) -> None:
        self._scann, self._plan, self._width = scann, plan, width

    def make_room(self, num: int = 0) -> "Searcher":
        """Reserve memory for uploads to `num` rows, or to those that it has, now, while nobody searches; it becomes
        resident as it is used."""
        self._scann.reserve(math.ceil((1 + _ROOM) * max(num, len(self), 1)))
        return self

    def __len__(self) -> int:
        return int(self._scann.size())

    @property
    def plan(self) -> Plan:
        """What it was built with."""
        return self._plan

    def planned(self, plan: Plan) -> "Searcher":
        """The same rows, searched with another number of leaves and of reordered candidates."""
        return Searcher(self._scann, plan, self._width)

    def search(self, queries: NDArray[np.float32], k: int) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The `k` rows with the largest dot products, fewer when there are fewer, for each query: [q, d] -> q times
        rows [k], scores [k], best first.

        Raises:
          IndexInputError: the queries are not [q, d] or not finite.
        """
        checked = finite(queries, self._width, "the query")
        num = len(self)
        wanted = min(k, num)
        if wanted <= 0:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in checked]
        # A list longer than the one the plan is made for lies in more leaves, a shorter one in fewer.
        share = max(_LEAST_LEAVES, wanted / min(RECALL_AT, num))
        leaves = min(self._plan.leaves, math.ceil(self._plan.searched_leaves * share))
        reordered = min(max(math.ceil(self._plan.reordered * wanted), RECALL_AT), num)
        found = []
        # ScaNN's own batch of five takes as long as five searches.
        for query in checked:
            rows, scores = self._scann.search(query, wanted, reordered, leaves or -1)
            are_found = np.isfinite(scores)
            found.append((rows[are_found].astype(np.int64), scores[are_found]))
        return found

    def insert(self, vectors: NDArray[np.float32]) -> None:
        """Append [n, d] as the rows behind the last. Raises IndexInputError; then nothing is inserted."""
        # ScaNN would look up the leaf of a NaN, which is none, and write outside its memory.
        checked = finite(vectors, self._width, "the vectors to insert")
        # Its own `upsert` wants a name per row and would pickle these.
        self._scann.searcher.upsert([None] * len(checked), list(checked), max(2, len(checked)))

    def delete(self, rows: NDArray[np.int64]) -> None:
        """Delete rows one after the other; each time the last row takes the number of the deleted one."""
        self._scann.searcher.delete(rows.tolist())

    def health(self) -> Health:
        """ScaNN's statistics now."""
        stats = self._scann.get_health_stats()
        return Health(float(stats["avg_quantization_error"]), float(stats["partition_weighted_avg_relative_imbalance"]))

    def save(self, folder: Path) -> None:
        """Write ScaNN's files into an existing folder."""
        self._scann.serialize(str(folder), relative_path=True)


def build_searcher(vectors: NDArray[np.float32], plan: Plan, num_threads: int = 0) -> Searcher:
    """Index [v, d]; other threads of Python run meanwhile.

    Raises:
      IndexInputError: `vectors` are not a matrix of finite numbers.
    """
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise IndexInputError(f"vectors of shape {vectors.shape} cannot be indexed; they are [videos, dimensions]")
    checked = finite(vectors, vectors.shape[1], "the vectors of the index")
    num = len(checked)
    builder = scann_ops().builder(checked, max(1, min(RECALL_AT, num)), "dot_product")
    builder = builder.set_n_training_threads(num_threads)
    if plan.kind is Kind.EXACT:
        return Searcher(builder.score_brute_force().build(), plan, vectors.shape[1]).make_room()
    if plan.kind is Kind.TREE:
        builder = builder.tree(plan.leaves, plan.searched_leaves, training_sample_size=plan.sample)
    builder = builder.score_ah(_DIMENSIONS_PER_BLOCK, anisotropic_quantization_threshold=_ANISOTROPIC)
    scann = builder.reorder(math.ceil(plan.reordered * min(RECALL_AT, num))).build()
    return Searcher(scann, plan, vectors.shape[1]).make_room()


def finite(vectors: NDArray[np.float32], width: int, what: str) -> NDArray[np.float32]:
    """`vectors` as [n, width] float32 in C order. Raises IndexInputError when they are of another width or not
    finite."""
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise IndexInputError(
            f"{what}: the index holds vectors of {width} dimensions, not of shape {vectors.shape[1:]}"
        )
    matrix = np.ascontiguousarray(vectors, np.float32)
    # The sum of a row is finite only if all of it is, and takes no second matrix.
    broken = np.flatnonzero(~np.isfinite(matrix.sum(axis=1)))
    if len(broken):
        raise IndexInputError(
            f"{what}: {len(broken)} of {len(matrix)} are not finite, the first is row {broken[0]}; "
            "train the towers again, or leave these videos out"
        )
    return matrix
