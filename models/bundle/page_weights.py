"""What numpy computes a page with, taken out of a release's SavedModels: a service loads no graph to answer."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.bundle.arrays import read_array
from models.bundle.graphs import Graphs
from models.bundle.store import BundleError, BundleVersionError, bundle_path
from models.index import Rest
from models.ranking.page_scores import FeaturesError, PageScores
from models.retrieval.page_query import PageQuery

_RANKER, _QUERY, _CONTENTS = "page_ranker.npz", "page_query.npz", "page_contents.npy"


def save_page_weights(folder: Path) -> None:
    """Write them into the folder of a bundle, beside the SavedModels that they are of."""
    graphs = Graphs(folder)
    _write(folder / _RANKER, graphs.ranker.signatures["page_weights"]())
    _write(folder / _QUERY, graphs.towers.signatures["query_weights"]())
    np.save(folder / _CONTENTS, graphs.towers.contents.numpy())


def load_page_weights(folder: Path, rest: Rest | None = None) -> tuple[PageScores, PageQuery]:
    """What scores a page, and what makes a query vector; `rest` is called between small steps.

    Raises:
      OSError, ValueError: a file is missing or not whole.
      BundleVersionError: the weights are of another version of the networks.
    """
    with (folder / _CONTENTS).open("rb", buffering=0) as file:
        contents = read_array(file, rest)
    return _made(folder, contents)


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


def _made(folder: Path, contents: NDArray[np.float32]) -> tuple[PageScores, PageQuery]:
    try:
        return PageScores(_read(folder / _RANKER)), PageQuery(_read(folder / _QUERY), contents)
    except KeyError as error:
        raise BundleVersionError(f"its networks lack the weights {error}") from error
    except FeaturesError as error:
        raise BundleVersionError(f"its ranker {error}") from error


def _write(file: Path, weights: dict[str, Any]) -> None:
    arrays: dict[str, Any] = {name: weight.numpy() for name, weight in weights.items()}
    np.savez(file, **arrays)


def _read(file: Path) -> dict[str, NDArray[Any]]:
    # numpy leaves a file open that it cannot read.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as weights:
        return dict(weights)
