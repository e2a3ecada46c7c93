"""The index, of each kind, against exact search."""

from pathlib import Path

import numpy as np
import pytest

from homefeed.settings import Settings
from models.index import build_index, load_index
from models.training import TrainingError

pytestmark = pytest.mark.slow


def training(path: Path, num: int) -> Path:
    """What a retrieval training leaves: clustered vectors, and queries near some of them."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(20, 17))
    vectors = (centres[random.integers(0, 20, num)] + 0.5 * random.normal(size=(num, 17))).astype(np.float32)
    (path / "towers").mkdir(parents=True)
    (path / "towers" / "saved_model.pb").write_bytes(b"towers")
    np.save(path / "vectors.npy", vectors)
    np.save(path / "queries.npy", vectors[:20] + np.float32(0.01))
    return path


@pytest.mark.parametrize(
    ("exact_below", "tree_above", "least"), [(9999, 99_999, 1.0), (10, 99_999, 0.97), (10, 100, 0.9)]
)
def test_each_kind_finds_most_of_exact_search(
    settings: Settings, tmp_path: Path, exact_below: int, tree_above: int, least: float
) -> None:
    knobs = settings.retrieval.model_copy(update={"index_exact_below": exact_below, "index_tree_above": tree_above})
    path, recall = build_index(settings.model_copy(update={"retrieval": knobs}), training(tmp_path, 5000))
    assert recall >= least
    index = load_index(path)
    assert (index.size, index.recall_at_1000) == (5000, recall)
    rows, scores = index.search(np.load(tmp_path / "queries.npy")[3], 10)
    assert rows[0] == 3 or scores[0] >= scores[1]
    assert len(rows) == 10


def test_one_video(settings: Settings, tmp_path: Path) -> None:
    path, recall = build_index(settings, training(tmp_path, 1))
    assert recall == 1
    assert load_index(path).search(np.ones(17, np.float32), 100)[0].tolist() == [0]


def test_a_folder_without_a_training_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no retrieval training"):
        build_index(settings, tmp_path)
