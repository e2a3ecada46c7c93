"""The index, of each kind and in shards, against exact search; and input that cannot be indexed."""

from pathlib import Path

import numpy as np
import pytest

from homefeed.settings import Settings
from homefeed.settings.index import IndexSettings
from models.index import Index, IndexInputError, build_index, exact_rows, load_index, read_record
from models.training import TrainingError

pytestmark = pytest.mark.slow
DIMENSIONS = 17
KINDS = {"exact": (9999, 99_999), "quantised": (10, 99_999), "tree": (10, 100)}


def training(path: Path, num: int, seed: int = 1) -> Path:
    """What a retrieval training leaves: clustered vectors, the keys 1000, 1001, ..., and queries near some of them."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(20, DIMENSIONS))
    vectors = (centres[random.integers(0, 20, num)] + 0.5 * random.normal(size=(num, DIMENSIONS))).astype(np.float32)
    (path / "towers").mkdir(parents=True)
    (path / "towers" / "saved_model.pb").write_bytes(b"towers")
    np.save(path / "vectors.npy", vectors)
    np.save(path / "videos.npy", 1000 + np.arange(num))
    np.save(path / "queries.npy", vectors[:20] + np.float32(0.01))
    return path


def with_index(settings: Settings, kind: str = "exact", **knobs: object) -> Settings:
    exact_below, tree_above = KINDS[kind]
    index = IndexSettings(exact_below=exact_below, tree_above=tree_above, **knobs)  # type: ignore[arg-type]
    return settings.model_copy(update={"index": index})


def opened(path: Path, settings: Settings) -> Index:
    vectors = np.load(path / "vectors.npy", mmap_mode="r", allow_pickle=False)
    return load_index(path / "index", np.load(path / "videos.npy"), vectors, settings.index)


def test_an_empty_catalogue_is_an_index_that_finds_nothing(settings: Settings, tmp_path: Path) -> None:
    path, recall = build_index(settings, training(tmp_path, 0))
    assert np.isnan(recall)
    assert (read_record(path).size, read_record(path).recall_at_1000) == (0, None)
    index = opened(tmp_path, settings)
    assert len(index.search(np.ones(DIMENSIONS, np.float32), 10)[0]) == 0
    assert np.isnan(index.take(np.array([1000]))).tolist() == [[True] * DIMENSIONS]


def test_one_video_is_found_however_many_are_asked_for(settings: Settings, tmp_path: Path) -> None:
    _, recall = build_index(settings, training(tmp_path, 1))
    assert recall == 1
    assert opened(tmp_path, settings).search(np.ones(DIMENSIONS, np.float32), 100)[0].tolist() == [1000]


@pytest.mark.parametrize(("kind", "least"), [("exact", 1.0), ("quantised", 0.97), ("tree", 0.9)])
def test_each_kind_finds_most_of_exact_search(settings: Settings, tmp_path: Path, kind: str, least: float) -> None:
    chosen = with_index(settings, kind)
    path, recall = build_index(chosen, training(tmp_path, 5000))
    assert recall >= least
    record = read_record(path)
    assert (record.size, record.recall_at_1000, [plan.kind for plan in record.plans]) == (5000, recall, [kind])
    index = opened(tmp_path, chosen)
    query = np.load(tmp_path / "queries.npy")[3]
    keys, scores = index.search(query, 10)
    np.testing.assert_allclose(scores, np.load(tmp_path / "vectors.npy")[keys - 1000] @ query, rtol=1e-5)
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_more_is_asked_than_there_is(settings: Settings, tmp_path: Path, kind: str) -> None:
    chosen = with_index(settings, kind)
    build_index(chosen, training(tmp_path, 300))
    keys, _ = opened(tmp_path, chosen).search(np.ones(DIMENSIONS, np.float32), 5000)
    assert sorted(keys.tolist()) == list(range(1000, 1300))


@pytest.mark.parametrize("num_shards", [1, 2, 7])
def test_exact_shards_return_what_the_whole_returns(settings: Settings, tmp_path: Path, num_shards: int) -> None:
    chosen = with_index(settings, num_shards=num_shards)
    path, recall = build_index(chosen, training(tmp_path, 500))
    assert recall == 1
    assert len(read_record(path).plans) == num_shards
    index = opened(tmp_path, chosen)
    query, vectors = np.load(tmp_path / "queries.npy")[0], np.load(tmp_path / "vectors.npy")
    keys, scores = index.search(query, 50)
    assert keys.tolist() == (1000 + np.argsort(-(vectors @ query))[:50]).tolist()
    assert (np.diff(scores) <= 0).all()
    assert len(index.search(query, 501)[0]) == len(index) == 500


def test_more_shards_than_videos_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(IndexInputError, match="3 videos cannot fill 4 shards; lower HOMEFEED_INDEX__NUM_SHARDS"):
        build_index(with_index(settings, num_shards=4), training(tmp_path, 3))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_refused_and_leaves_no_index(
    settings: Settings, tmp_path: Path, broken: float
) -> None:
    path = training(tmp_path, 10)
    vectors = np.load(path / "vectors.npy")
    vectors[4, 2] = broken
    np.save(path / "vectors.npy", vectors)
    with pytest.raises(IndexInputError, match="1 of 10 are not finite, the first is row 4"):
        build_index(settings, path)
    assert not (path / "index").exists()


@pytest.mark.parametrize("query", [np.full(DIMENSIONS, np.nan, np.float32), np.ones(DIMENSIONS + 1, np.float32)])
def test_a_query_that_cannot_be_searched_for_is_refused(settings: Settings, tmp_path: Path, query: np.ndarray) -> None:
    build_index(settings, training(tmp_path, 10))
    with pytest.raises(IndexInputError, match="the query"):
        opened(tmp_path, settings).search(query, 5)


def test_a_folder_without_a_training_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no retrieval training"):
        build_index(settings, tmp_path)


def test_vectors_that_are_a_pickle_are_refused(settings: Settings, tmp_path: Path) -> None:
    path = training(tmp_path, 10)
    np.save(path / "vectors.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(TrainingError, match="no retrieval training"):
        build_index(settings, path)


def test_an_index_that_is_not_whole_is_refused(settings: Settings, tmp_path: Path) -> None:
    path, _ = build_index(settings, training(tmp_path, 10))
    assert not list(path.rglob("*.pkl"))
    (path / "shard-0" / "scann_docids.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match="pickle"):
        opened(tmp_path, settings)
    (path / "shard-0" / "scann_docids.pkl").unlink()
    (path / "shard-0" / "dataset.npy").unlink()
    with pytest.raises((ValueError, OSError)):
        opened(tmp_path, settings)


def test_exact_rows_by_hand() -> None:
    vectors = np.array([[1, 0], [0, 1], [2, 2], [-1, 0]], np.float32)
    queries = np.array([[1, 0], [0, -1]], np.float32)
    assert [sorted(rows) for rows in exact_rows(vectors, queries, 2).tolist()] == [[0, 2], [0, 3]]
    assert exact_rows(vectors, queries, 9).shape == (2, 4)
    assert exact_rows(vectors[:0], queries, 2).shape == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_opened_index_of_each_kind_can_be_changed(settings: Settings, tmp_path: Path, kind: str) -> None:
    chosen = with_index(settings, kind)
    build_index(chosen, training(tmp_path, 300))
    index = opened(tmp_path, chosen)
    new = np.full((2, DIMENSIONS), 9, np.float32) * np.array([[1], [2]], np.float32)
    index.hold(np.append(np.arange(1100, 1300), [7, 8]), lambda missing: (missing, new))
    keys, scores = index.search(np.ones(DIMENSIONS, np.float32), 400)
    assert keys[:2].tolist() == [8, 7]
    np.testing.assert_allclose(scores[:2], [2 * 9 * DIMENSIONS, 9 * DIMENSIONS])
    assert sorted(keys.tolist()) == [7, 8, *range(1100, 1300)]
