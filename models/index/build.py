"""Build the index of a retrieval training, and open it again."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from homefeed.manifest import add_file
from homefeed.settings import Settings
from homefeed.settings.index import IndexSettings
from models.index.exact import index_recall
from models.index.live import LiveIndex, Rest
from models.index.opening import open_gently, open_searcher
from models.index.plan import Kind, Plan, plan_for
from models.index.searcher import IndexInputError, build_searcher
from models.index.shards import Index, Shards, shard_of
from models.index.vectors import Vectors
from models.training import TrainingError

FOLDER = "index"
PAIRING_FILE = "pairing.json"


@dataclass(frozen=True)
class IndexRecord:
    """What is known of an index on disk.

    Attributes:
      pairing: of the towers that made the vectors.
      size: videos that it holds.
      recall_at_1000: share of exact search's list that it finds, as measured when it was built; None without queries or
        videos.
      plans: what each of its shards was built with.
    """

    pairing: str
    size: int
    recall_at_1000: float | None
    plans: tuple[Plan, ...]


def pairing_of(towers: Path, rest: Rest | None = None) -> str:
    """The id of a pair of towers: a digest of their graph and weights. Tower and index of one release have the same.
    `rest` is called between small steps."""
    files = sorted(p for p in towers.rglob("*") if p.is_file())
    if not files:
        raise TrainingError(f"{towers} holds no towers; run train_retrieval again")
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(towers).as_posix().encode())
        add_file(total, file, rest)
    return total.hexdigest()[:16]


def build_index(settings: Settings, retrieval_path: Path) -> tuple[Path, float]:
    """Index the vectors of a retrieval training.

    Args:
      settings: `settings.index` chooses the kind of index by size, and the shards.
      retrieval_path: folder of the training.

    Returns:
      Folder of the index, inside the training's, and its recall@1000 against exact search over the training's sample
      queries; NaN when there are no queries or no videos.

    Raises:
      TrainingError: the folder holds no finished retrieval training.
      IndexInputError: a vector is not finite, or there are more shards than videos.
    """
    try:
        vectors = np.load(retrieval_path / "vectors.npy", mmap_mode="r", allow_pickle=False)
        videos, queries = (
            np.load(retrieval_path / f"{name}.npy", allow_pickle=False) for name in ("videos", "queries")
        )
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{retrieval_path} holds no retrieval training ({error}); run train_retrieval again"
        ) from error
    path, draft = retrieval_path / FOLDER, retrieval_path / f"{FOLDER}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    index, plans = new_index(videos, vectors, settings.index, draft)
    recall = index_recall(index, videos, vectors, queries)
    record = IndexRecord(
        pairing=pairing_of(retrieval_path / "towers"),
        size=len(index),
        recall_at_1000=None if np.isnan(recall) else recall,
        plans=plans,
    )
    (draft / PAIRING_FILE).write_text(json.dumps(asdict(record)))
    shutil.rmtree(path, ignore_errors=True)
    draft.rename(path)
    return path, recall


def new_index(
    videos: NDArray[np.int64], vectors: NDArray[np.float32], settings: IndexSettings, folder: Path | None = None
) -> tuple[Index, tuple[Plan, ...]]:
    """Build an index in memory.

    Args:
      videos: [v] keys.
      vectors: [v, d], may be mapped into memory.
      settings: kinds by size, shards.
      folder: where ScaNN's files are written, one folder per shard; None writes none.

    Returns:
      The index, and what each of its shards was built with.

    Raises:
      IndexInputError: a vector is not finite, or there are more shards than videos.
    """
    num_shards = settings.num_shards
    if num_shards > max(len(videos), 1):
        raise IndexInputError(
            f"{len(videos)} videos cannot fill {num_shards} shards; lower HOMEFEED_INDEX__NUM_SHARDS to at most "
            f"{max(len(videos), 1)}"
        )
    parts, plans = [], []
    for number, rows in enumerate(_rows_by_shard(videos, num_shards)):
        # A catalogue that is not sharded is read where it lies.
        own = vectors if num_shards == 1 else vectors[rows]
        plans.append(plan_for(len(rows), settings))
        searcher = build_searcher(own, plans[-1])
        if folder is not None:
            place = folder / _shard_folder(number)
            place.mkdir(parents=True)
            searcher.save(place)
        parts.append(LiveIndex(searcher, Vectors.of(videos[rows], vectors, rows), videos[rows], settings))
    return _whole(parts), tuple(plans)


def load_index(
    path: Path,
    videos: NDArray[np.int64],
    vectors: NDArray[np.float32],
    settings: IndexSettings,
    rest: Rest | None = None,
) -> Index:
    """Open an index.

    Args:
      path: its folder.
      videos: [v] keys that it was built of.
      vectors: [v, d] of the same, may be mapped into memory.
      settings: how it is kept fresh.
      rest: called between small steps of work where others use Python meanwhile (`models.index.opening`).

    Raises:
      OSError, ValueError: its files are not there or not whole.
    """
    num_shards = len(read_record(path).plans)
    return _whole([load_shard(path, number, videos, vectors, settings, rest) for number in range(num_shards)])


def load_shard(
    path: Path,
    number: int,
    videos: NDArray[np.int64],
    vectors: NDArray[np.float32],
    settings: IndexSettings,
    rest: Rest | None = None,
) -> LiveIndex:
    """Open one shard of an index; the others may be elsewhere.

    Args:
      path: folder of the index.
      number: of the shard, from 0.
      videos: [v] keys that the whole index was built of.
      vectors: [v, d] of the same, may be mapped into memory: only the rows of the shard are read.
      settings: how it is kept fresh.
      rest: as in `load_index`.

    Raises:
      OSError, ValueError: its files are not there or not whole.
    """
    plans = read_record(path).plans
    if not 0 <= number < len(plans):
        raise ValueError(f"{path} has {len(plans)} shards and none of number {number}")
    place = path / _shard_folder(number)
    rows = np.flatnonzero(shard_of(videos, len(plans)) == number)
    if rest is None:
        searcher = open_searcher(place, plans[number], vectors.shape[1])
    else:
        # A catalogue that is not sharded is read where it lies.
        searcher = open_gently(place, plans[number], vectors if len(plans) == 1 else vectors[rows], rest)
    if len(searcher) != len(rows):
        raise ValueError(f"{place} holds {len(searcher)} videos, not the {len(rows)} of its share of the keys")
    return LiveIndex(searcher, Vectors.of(videos[rows], vectors, rows), videos[rows], settings)


def read_record(path: Path) -> IndexRecord:
    """What is known of an index. Raises OSError or ValueError when its file is not there or not whole."""
    try:
        record = json.loads((path / PAIRING_FILE).read_text())
        plans = tuple(Plan(**plan | {"kind": Kind(plan["kind"])}) for plan in record["plans"])
        return IndexRecord(**record | {"plans": plans})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path / PAIRING_FILE} is not of this version: {error}; build the index again") from error


def _rows_by_shard(videos: NDArray[np.int64], num_shards: int) -> list[NDArray[np.int64]]:
    """Rows of the videos of each shard, in order."""
    shard = shard_of(videos, num_shards)
    return [np.flatnonzero(shard == number) for number in range(num_shards)]


def _whole(parts: list[LiveIndex]) -> Index:
    return parts[0] if len(parts) == 1 else Shards(parts)


def _shard_folder(number: int) -> str:
    return f"shard-{number}"
