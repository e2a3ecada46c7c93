"""An index opened a little at a time is the one that is opened at once."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from homefeed.settings.index import IndexSettings
from models.index.opening import open_gently, open_searcher
from models.index.plan import Plan, plan_for
from models.index.searcher import build_searcher

pytestmark = pytest.mark.slow
NUM, WIDTH = 1_500, 17
KINDS = {"exact": (9999, 99_999), "quantised": (10, 99_999), "tree": (10, 100)}


def saved(folder: Path, kind: str, num: int = NUM) -> tuple[Plan, np.ndarray]:
    random = np.random.default_rng(1)
    centres = random.normal(size=(20, WIDTH))
    vectors = (centres[random.integers(0, 20, num)] + 0.5 * random.normal(size=(num, WIDTH))).astype(np.float32)
    exact_below, tree_above = KINDS[kind]
    plan = plan_for(num, IndexSettings(exact_below=exact_below, tree_above=tree_above))
    assert plan.kind.value == kind
    folder.mkdir()
    build_searcher(vectors, plan).save(folder)
    return plan, vectors


def nothing() -> None:
    """A rest that is none."""


@pytest.mark.parametrize(
    ("kind", "num"), [("exact", 1), *((kind, num) for kind in KINDS for num in (1_000, 1_001, NUM))]
)
def test_it_finds_the_same_rows_with_the_same_scores(tmp_path: Path, kind: str, num: int) -> None:
    plan, vectors = saved(tmp_path / "index", kind, num)
    rests: list[None] = []
    at_once = open_searcher(tmp_path / "index", plan, WIDTH)
    gently = open_gently(tmp_path / "index", plan, vectors, lambda: rests.append(None))
    assert len(gently) == len(at_once) == num
    # The first thousand at once, then a rest after each 64.
    assert len(rests) == math.ceil((num - 1_000) / 64 if num > 1_000 else 0)
    queries, shared = vectors[:: max(num // 50, 1)] + np.float32(0.01), []
    for (rows, scores), (others, others_scores) in zip(
        at_once.search(queries, 20), gently.search(queries, 20), strict=True
    ):
        _, place, other = np.intersect1d(rows, others, return_indices=True)
        assert scores[place] == pytest.approx(others_scores[other])
        shared.append(len(place) / len(rows))
    # A row that is as near to one leaf's centre as to another's may be in either.
    assert np.mean(shared) == (1 if kind != "tree" else pytest.approx(1, abs=0.005))
    assert gently.health().error == pytest.approx(at_once.health().error, rel=1e-4)


def test_uploads_can_be_inserted_behind_the_last_row(tmp_path: Path) -> None:
    plan, vectors = saved(tmp_path / "index", "tree")
    searcher = open_gently(tmp_path / "index", plan, vectors, nothing)
    # Like a video that is there: of what is like none, the tree does not say which leaves it is looked for in.
    upload = np.float32(2) * vectors[7:8]
    searcher.insert(upload)
    assert searcher.search(upload, 1)[0][0].tolist() == [NUM]


def test_files_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    plan, vectors = saved(tmp_path / "index", "tree")
    with pytest.raises(ValueError, match=r"holds 1500 rows, not 1499"):
        open_gently(tmp_path / "index", plan, vectors[:-1], nothing)
    shutil.copy(tmp_path / "index" / "ah_codebook.pb", tmp_path / "index" / "names.pkl")
    with pytest.raises(ValueError, match="holds a pickle"):
        open_gently(tmp_path / "index", plan, vectors, nothing)
    shutil.rmtree(tmp_path / "index")
    with pytest.raises(FileNotFoundError):
        open_gently(tmp_path / "index", plan, vectors, nothing)
