"""A bundle in service follows the catalogue: uploads are found, withdrawn videos are not, without a restart."""

import threading
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from homefeed.ids import key
from models.bundle import Bundle, load_bundle
from models.bundle.candidate_vectors import candidate_vectors, mean_counts, new_vectors

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


@pytest.fixture
def bundle(release) -> Bundle:
    return load_bundle(release.settings, release.id)


def uploads(bundle: Bundle, num: int) -> pa.Table:
    """The bundle's snapshot, with `num` videos more that differ from its first ones only by their key."""
    snapshot = bundle.snapshot
    keys = pa.array([key(f"upload-{i}") for i in range(num)])
    copies = snapshot.slice(0, num).set_column(snapshot.schema.get_field_index("video"), "video", keys)
    return pa.concat_tables([snapshot, copies]).sort_by("video")


def viewer(release):
    from feature_repo.online import UserStore

    return UserStore(release.settings).read("viewer-3")


def found(bundle: Bundle, release) -> list[int]:
    return bundle.search(bundle.query(viewer(release), NOW), 10_000)[0].tolist()


def test_vectors_of_the_snapshot_are_those_of_the_training(bundle: Bundle) -> None:
    # The snapshot ends with the training's newest window, so age and counts are the same.
    mean = mean_counts(bundle.snapshot)
    keys, vectors = candidate_vectors(
        bundle._networks.candidates, bundle.snapshot, mean, datetime(2026, 11, 23, 22, tzinfo=UTC)
    )
    trained = bundle.index.take(keys)
    assert len(trained) == len(keys) == 300
    np.testing.assert_allclose(vectors, trained, atol=1e-4)


def test_no_videos_have_no_vectors(bundle: Bundle) -> None:
    nothing = bundle.snapshot.slice(0, 0)
    keys, vectors = candidate_vectors(bundle._networks.candidates, nothing, mean_counts(nothing), NOW)
    assert (keys.shape, vectors.shape) == ((0,), (0, bundle.vectors.shape[1]))


def test_a_video_is_placed_by_its_watches_beside_those_of_the_whole_snapshot(bundle: Bundle) -> None:
    snapshot = bundle.snapshot
    busiest = int(np.argmax(snapshot.column("video_watches_7d").to_numpy()))
    keys, vectors = candidate_vectors(bundle._networks.candidates, snapshot, mean_counts(snapshot), NOW)
    alone, vector = new_vectors(bundle._networks.candidates, snapshot, keys[[busiest]], NOW)
    assert alone.tolist() == [keys[busiest]]
    np.testing.assert_allclose(vector[0], vectors[busiest], atol=1e-5)


def test_an_upload_is_found_and_a_withdrawn_video_is_not(bundle: Bundle, release) -> None:
    before = bundle.snapshot.column("video").to_pylist()
    assert sorted(found(bundle, release)) == sorted(before)
    later = uploads(bundle, 5)
    withdrawn = before[100]
    bundle.refresh(later.filter(pa.compute.not_equal(later.column("video"), withdrawn)), NOW)
    expected = {*later.column("video").to_pylist()} - {withdrawn}
    assert sorted(found(bundle, release)) == sorted(expected)
    assert withdrawn not in bundle.similar(np.array(before[:3]), 400)[0]
    assert len(bundle.similar(np.array([withdrawn]), 10)[0]) == 0


def test_an_upload_is_like_the_video_that_it_is_a_copy_of(bundle: Bundle) -> None:
    bundle.refresh(uploads(bundle, 5), NOW)
    first, copy = bundle.snapshot.column("video")[0].as_py(), key("upload-0")
    vectors = bundle.index.take(np.array([first, copy]))[:, :-1]
    assert vectors[0] @ vectors[1] > 0.5
    assert len(bundle.similar(np.array([copy]), 10)[0]) == 10


def test_a_video_that_comes_back_is_found_again(bundle: Bundle, release) -> None:
    bundle.refresh(bundle.snapshot.slice(0, 10), NOW)
    assert len(found(bundle, release)) == 10
    bundle.refresh(bundle.snapshot, NOW)
    assert len(found(bundle, release)) == 300


def test_an_empty_snapshot_leaves_nothing_to_find(bundle: Bundle, release) -> None:
    bundle.refresh(bundle.snapshot.slice(0, 0), NOW)
    assert found(bundle, release) == []


def test_an_upload_without_a_finite_vector_stays_out_and_the_others_come_in(
    bundle: Bundle, release, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(candidates, rows: pa.Table, mean, time: datetime, rest):
        keys, vectors = candidate_vectors(candidates, rows, mean, time, rest)
        vectors = np.where((keys == key("upload-0"))[:, None], np.float32(np.nan), vectors)
        return keys, vectors

    monkeypatch.setattr("models.bundle.candidate_vectors.candidate_vectors", broken)
    bundle.refresh(uploads(bundle, 2), NOW)
    assert key("upload-0") not in found(bundle, release)
    assert key("upload-1") in found(bundle, release)
    assert "1 new videos have no finite vector" in caplog.text


def test_viewers_are_answered_while_the_catalogue_changes(bundle: Bundle, release) -> None:
    row, stop, failures = viewer(release), threading.Event(), []
    kept = bundle.snapshot.column("video").to_numpy()[:200]
    full = uploads(bundle, 50)
    few = full.filter(pa.array(np.isin(full.column("video").to_numpy(), kept)))
    known = set(full.column("video").to_pylist())

    def ask() -> None:
        try:
            while not stop.is_set():
                keys, _ = bundle.search(bundle.query(row, NOW), 400)
                assert set(kept.tolist()) <= set(keys.tolist()) <= known
                assert len(set(keys.tolist())) == len(keys)
                assert len(bundle.similar(kept[:3], 10)[0]) == 30
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for snapshot in [full, few] * 10:
        bundle.refresh(snapshot, NOW)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
