"""What numpy computes pages and snapshots with, taken out of a release's SavedModels: a service loads no graph."""

from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.bundle.arrays import read_array
from models.bundle.graphs import Graphs
from models.bundle.store import BundleError, BundleVersionError, bundle_path
from models.index import Rest
from models.ranking.page_parts import PageParts
from models.ranking.page_scores import FeaturesError, PageScores
from models.retrieval.page_candidates import PageCandidates
from models.retrieval.page_query import PageQuery

_RANKER, _QUERY, _CANDIDATES = "page_ranker.npz", "page_query.npz", "page_candidates.npz"
_CONTENTS, _IDS = "page_contents.npy", "page_ids.npy"


class PageWeights(NamedTuple):
    """The networks of a release in numpy.

    Attributes:
      scores: ranks the candidates of a page.
      parts: what it says of each video of a snapshot before.
      query: makes the query vector of a viewer.
      candidates: makes the vectors of videos.
    """

    scores: PageScores
    parts: PageParts
    query: PageQuery
    candidates: PageCandidates


def save_page_weights(folder: Path) -> None:
    """Write them into the folder of a bundle, beside the SavedModels that they are of.

    Raises:
      BundleVersionError: these are of another version of the code.
    """
    graphs = Graphs(folder)
    np.savez(folder / _RANKER, **_taken(graphs.ranker, "page_weights"))
    np.savez(folder / _QUERY, **_taken(graphs.towers, "query_weights"))
    np.save(folder / _CONTENTS, graphs.towers.contents.numpy())
    weights, ids = candidate_weights(graphs.towers)
    np.savez(folder / _CANDIDATES, **weights)
    np.save(folder / _IDS, ids)


def candidate_weights(towers: Any) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """What `PageCandidates` is made of, from a loaded SavedModel of `SavedTowers`."""
    weights = _taken(towers, "candidate_weights")
    ids = weights.pop("ids")
    return weights, ids


def load_page_weights(folder: Path, rest: Rest | None = None) -> PageWeights:
    """The networks of the bundle in a folder; `rest` is called between small steps.

    Raises:
      OSError, ValueError: a file is missing or not whole.
      BundleVersionError: the weights are of another version of the networks.
    """
    with (folder / _CONTENTS).open("rb", buffering=0) as file:
        contents = read_array(file, rest)
    return _made(folder, contents)


def load_candidates(folder: Path) -> PageCandidates:
    """The candidate tower alone; raises as `load_page_weights`."""
    try:
        # Of its ids only those of new videos are read.
        return PageCandidates(_read(folder / _CANDIDATES), np.load(folder / _IDS, mmap_mode="r", allow_pickle=False))
    except KeyError as error:
        raise BundleVersionError(f"its towers lack the weights {error}") from error


def another_version(settings: Settings, release: str) -> str:
    """Why this version of the code computes no page with the networks of a release; empty where it does, and where the
    bundle is missing or damaged, which is another matter."""
    try:
        folder = bundle_path(settings, release)
        _made(folder, np.load(folder / _CONTENTS, mmap_mode="r", allow_pickle=False))
    except BundleVersionError as error:
        return str(error)
    except (BundleError, OSError, ValueError, EOFError, BadZipFile):
        pass
    return ""


def _made(folder: Path, contents: NDArray[np.float32]) -> PageWeights:
    try:
        ranker = _read(folder / _RANKER)
        scores, parts = PageScores(ranker), PageParts(ranker)
        return PageWeights(scores, parts, PageQuery(_read(folder / _QUERY), contents), load_candidates(folder))
    except KeyError as error:
        raise BundleVersionError(f"its networks lack the weights {error}") from error
    except FeaturesError as error:
        raise BundleVersionError(f"its ranker {error}") from error


def _taken(saved: Any, name: str) -> dict[str, Any]:
    if name not in saved.signatures:
        raise BundleVersionError(
            f"a model was trained by another version of the code: it has no {name}; train it again"
        )
    return {name: weight.numpy() for name, weight in saved.signatures[name]().items()}


def _read(file: Path) -> dict[str, NDArray[Any]]:
    # numpy leaves a file open that it cannot read.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as weights:
        return dict(weights)
