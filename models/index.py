"""The ScaNN index over the candidate vectors, and how much of exact search it finds."""

import hashlib
import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from homefeed.settings.retrieval import RetrievalSettings
from models.training import TrainingError

FOLDER = "index"
PAIRING_FILE = "pairing.json"
#: Index recall is measured in lists of this length.
RECALL_AT = 1000
#: Candidates scored again exactly, as a multiple of the list; and share of the tree's leaves that a query looks into.
_REORDER, _LEAVES_SHARE = 3, 0.6


@dataclass(frozen=True)
class Index:
    """A searcher over [v, d] vectors.

    Attributes:
      searcher: ScaNN's.
      size: v.
      recall_at_1000: share of exact search's list that it finds, as measured when it was built.
      pairing: of the towers that made the vectors.
    """

    searcher: Any
    size: int
    recall_at_1000: float
    pairing: str

    def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `k` rows with the largest dot products (fewer when there are fewer): query [d] -> rows [k], scores [k],
        best first."""
        wanted = min(k, self.size)
        rows, scores = self.searcher.search(
            query, final_num_neighbors=wanted, pre_reorder_num_neighbors=min(_REORDER * wanted, self.size)
        )
        found = np.isfinite(scores)
        return rows[found].astype(np.int64), scores[found]


def pairing_of(towers: Path) -> str:
    """The id of a pair of towers: a digest of their graph and weights. Tower and index of one release have the same."""
    files = sorted(p for p in towers.rglob("*") if p.is_file())
    if not files:
        raise TrainingError(f"{towers} holds no towers; run train_retrieval again")
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(towers).as_posix().encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def build_index(settings: Settings, retrieval_path: Path) -> tuple[Path, float]:
    """Index the vectors of a retrieval training.

    Args:
      settings: sizes at which the kind of index changes.
      retrieval_path: folder of the training.

    Returns:
      Folder of the index, inside the training's, and its recall@1000 against exact search over the training's sample
      queries.

    Raises:
      TrainingError: the folder holds no finished retrieval training.
    """
    try:
        vectors, queries = np.load(retrieval_path / "vectors.npy"), np.load(retrieval_path / "queries.npy")
    except OSError as error:
        raise TrainingError(
            f"{retrieval_path} holds no retrieval training ({error}); run train_retrieval again"
        ) from error
    path = retrieval_path / FOLDER
    draft = retrieval_path / f"{FOLDER}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    searcher = _searcher(vectors, settings.retrieval)
    searcher.serialize(str(draft), relative_path=True)
    pairing = pairing_of(retrieval_path / "towers")
    recall = index_recall(Index(searcher, len(vectors), math.nan, pairing), vectors, queries)
    (draft / PAIRING_FILE).write_text(json.dumps({"pairing": pairing, "size": len(vectors), "recall_at_1000": recall}))
    shutil.rmtree(path, ignore_errors=True)
    draft.rename(path)
    return path, recall


def load_index(path: Path) -> Index:
    """Open an index. Raises OSError or ValueError when its files are not there or not whole."""
    from scann import scann_ops_pybind

    record = json.loads((path / PAIRING_FILE).read_text())
    return Index(
        scann_ops_pybind.load_searcher(str(path)),
        int(record["size"]),
        float(record["recall_at_1000"]),
        str(record["pairing"]),
    )


def index_recall(index: Index, vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> float:
    """Share of exact search's list of `RECALL_AT` that the index finds: vectors [v, d], queries [q, d]; NaN without
    queries."""
    k = min(RECALL_AT, len(vectors))
    if not len(queries) or not k:
        return math.nan
    shares = []
    for query in queries:
        exact = np.argpartition(-(vectors @ query), k - 1)[:k]
        shares.append(len(np.intersect1d(index.search(query, k)[0], exact)) / k)
    return float(np.mean(shares))


def _searcher(vectors: NDArray[np.float32], settings: RetrievalSettings) -> Any:
    """ScaNN's own rule of thumb by size: exact when small, quantised above, in leaves of a tree of sqrt(v) when large.

    Source: Guo et al. 2020, "Accelerating large-scale inference with anisotropic vector quantization"; ScaNN
    docs/algorithms.md.
    """
    from scann import scann_ops_pybind

    num = len(vectors)
    builder = scann_ops_pybind.builder(vectors.astype(np.float32), min(RECALL_AT, num), "dot_product")
    if num < settings.index_exact_below:
        return builder.score_brute_force().build()
    if num > settings.index_tree_above:
        leaves = int(math.sqrt(num))
        builder = builder.tree(leaves, max(1, int(leaves * _LEAVES_SHARE)), training_sample_size=min(num, 250_000))
    return builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(_REORDER * min(RECALL_AT, num)).build()
