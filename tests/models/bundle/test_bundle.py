"""Bundles: built from two trainings, refused when anything is wrong with them, reading what training read."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from homefeed import manifest
from homefeed.features import DENSE_FEATURES, TARGETS
from models.bundle import Bundle, BundleError, another_version, build_bundle, bundle_path, load_bundle
from models.bundle.load import open_bundle
from models.bundle.store import BundleVersionError
from models.training import TrainingError, read_training
from models.value import value_weights

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 22, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def bundle(release) -> Bundle:
    return load_bundle(release.settings, release.id)


@pytest.fixture
def copy(release, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(bundle_path(release.settings, release.id), tmp_path / "bundle"))


def viewer(release, name: str = "viewer-3"):
    from feature_repo.online import UserStore

    return UserStore(release.settings).read(name)


def candidates(bundle: Bundle, num: int):
    snapshot = bundle.snapshot.slice(0, num)
    return {name: snapshot.column(name).to_numpy(zero_copy_only=False) for name in snapshot.column_names}


def test_the_same_trainings_make_the_same_release(release) -> None:
    assert build_bundle(release.settings, release.retrieval, release.ranking) == release.id
    assert release.id.startswith("r20261123T2200Z-")


def test_the_manifest_names_what_it_was_made_from(bundle: Bundle, release) -> None:
    made = bundle.manifest
    assert made.release == bundle.release == release.id
    assert made.windows[1] < "20261123T2000Z"
    assert made.lake_versions["exposures"] >= 0
    assert made.metrics["retrieval"]["recall_at_100"] > 0
    assert made.metrics["index"] == {"videos": len(bundle.videos), "recall_at_1000": 1.0}


def test_an_unknown_release_is_refused(release) -> None:
    with pytest.raises(BundleError, match="no bundle of release"):
        load_bundle(release.settings, "r20200101T0000Z-000000")


def test_a_folder_without_a_training_is_refused(release, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no finished training"):
        build_bundle(release.settings, tmp_path, release.ranking)


@pytest.mark.parametrize("name", ["vectors.npy", "calibrators.json", "ranker/saved_model.pb", "snapshot.arrow"])
def test_an_altered_file_is_refused(copy: Path, release, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match="altered"):
        open_bundle(copy, release.id, release.settings.index)


def test_a_missing_and_an_added_file_are_refused(copy: Path, release) -> None:
    (copy / "more.txt").write_text("x")
    with pytest.raises(BundleError, match=r"more\.txt"):
        open_bundle(copy, release.id, release.settings.index)
    (copy / "more.txt").unlink()
    (copy / "shape.json").unlink()
    with pytest.raises(BundleError, match=r"shape\.json"):
        open_bundle(copy, release.id, release.settings.index)


def test_an_index_of_other_towers_is_refused_even_with_a_manifest_that_fits(copy: Path, release) -> None:
    file = copy / "index" / "pairing.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pairing": "0123456789abcdef"}))
    manifest.write(copy, manifest.Manifest.model_validate_json((copy / manifest.FILE).read_text()))
    with pytest.raises(BundleError, match="different trainings"):
        open_bundle(copy, release.id, release.settings.index)


def test_vectors_that_the_index_does_not_hold_are_refused(copy: Path, release) -> None:
    np.save(copy / "vectors.npy", np.load(copy / "vectors.npy")[:-1])
    manifest.write(copy, manifest.Manifest.model_validate_json((copy / manifest.FILE).read_text()))
    with pytest.raises(BundleError, match="indexes 300 videos but has 299 vectors"):
        open_bundle(copy, release.id, release.settings.index)


def test_a_bundle_of_before_it_carried_what_a_page_is_computed_with_is_refused(copy: Path, release) -> None:
    (copy / "page_query.npz").unlink()
    manifest.write(copy, manifest.Manifest.model_validate_json((copy / manifest.FILE).read_text()))
    with pytest.raises(BundleError, match=r"prepares no page .*page_query\.npz.*build it again"):
        open_bundle(copy, release.id, release.settings.index)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (lambda weights: weights.pop("phase"), "lack the weights 'phase'"),
        (lambda weights: weights.update(pair_least=weights["pair_least"][:-3]), "reads [0-9]+ columns .* where there"),
    ],
)
def test_a_bundle_whose_networks_were_of_another_version_is_refused_and_told_from_a_damaged_one(
    copy: Path, release, changed, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copy / "page_ranker.npz"
    with np.load(file) as saved:
        weights = dict(saved)
    changed(weights)
    np.savez(file, **weights)
    manifest.write(copy, manifest.Manifest.model_validate_json((copy / manifest.FILE).read_text()))
    with pytest.raises(BundleVersionError, match=f"{release.id} is of another version of the code .*{why}"):
        open_bundle(copy, release.id, release.settings.index)
    monkeypatch.setattr("models.bundle.page_weights.bundle_path", lambda *_: copy)
    assert re.search(why, another_version(release.settings, release.id))
    for damaged in (b"no weights", file.read_bytes()[:1000], b""):
        file.write_bytes(damaged)
        assert another_version(release.settings, release.id) == ""


def test_a_bundle_of_this_version_and_one_that_is_not_there_are_of_no_other(release) -> None:
    assert another_version(release.settings, release.id) == ""
    assert another_version(release.settings, "r9") == ""


@pytest.mark.parametrize(("weights", "why"), [({}, "dismissed"), ({**dict.fromkeys(TARGETS, 1.0)}, "at most 0")])
def test_a_manifest_without_usable_value_weights_is_refused(copy: Path, release, weights, why) -> None:
    made = manifest.Manifest.model_validate_json((copy / manifest.FILE).read_text())
    manifest.write(copy, made.model_copy(update={"value_weights": weights}))
    with pytest.raises(BundleError, match=why):
        open_bundle(copy, release.id, release.settings.index)


def test_a_page_is_ranked_by_the_weights_of_the_manifest(copy: Path, release) -> None:
    made = manifest.Manifest.model_validate_json((copy / manifest.FILE).read_text())
    assert made.value_weights == value_weights(release.settings.ranking)
    only_likes = {**dict.fromkeys(TARGETS, 0.0), "liked": 2.0}
    manifest.write(copy, made.model_copy(update={"value_weights": only_likes}))
    opened = open_bundle(copy, release.id, release.settings.index)
    heads = {target: np.array([0.25], np.float32) for target in TARGETS}
    assert opened.value(heads).tolist() == [0.5]


def test_a_bundle_under_the_name_of_another_release_is_refused(copy: Path, release) -> None:
    with pytest.raises(BundleError, match="holds release"):
        open_bundle(copy, "r20261123T2200Z-000000", release.settings.index)


def test_search_finds_what_exact_search_finds(bundle: Bundle, release) -> None:
    vector = bundle.query(viewer(release), NOW)
    keys, scores = bundle.search(vector, 20)
    assert keys.tolist() == bundle.videos[np.argsort(-(bundle.vectors @ vector))[:20]].tolist()
    assert (np.diff(scores) <= 0).all()


def test_more_is_asked_than_there_is(bundle: Bundle, release) -> None:
    keys, _ = bundle.search(bundle.query(viewer(release), NOW), 5000)
    assert sorted(keys.tolist()) == sorted(bundle.videos.tolist())


def test_similar_are_the_nearest_of_each_video_without_itself_and_of_a_stranger_none(bundle: Bundle) -> None:
    asked = np.array([bundle.videos[0], 1, bundle.videos[1]])
    keys, places = bundle.similar(asked, 10)
    assert places.tolist() == [0] * 10 + [2] * 10
    vectors = bundle.vectors[:, :-1] / np.linalg.norm(bundle.vectors[:, :-1], axis=1, keepdims=True)
    for place, row in ((0, 0), (2, 1)):
        order = np.argsort(-(vectors @ vectors[row]), kind="stable")
        assert keys[places == place].tolist() == bundle.videos[order[order != row][:10]].tolist()
    assert [len(column) for column in bundle.similar(np.array([1, 2]), 10)] == [0, 0]
    assert [len(column) for column in bundle.similar(np.zeros(0, np.int64), 10)] == [0, 0]


def test_heads_are_in_range_for_known_and_unknown_viewers(bundle: Bundle, release) -> None:
    for name in ("viewer-3", "a stranger"):
        heads = bundle.score(viewer(release, name), candidates(bundle, 100), {"time": NOW, "device": "phone"})
        assert set(heads) == set(TARGETS)
        assert all(head.shape == (100,) and np.isfinite(head).all() for head in heads.values())
        assert all(((head >= 0) & (head <= 1)).all() for target, head in heads.items() if target != "watch_s")
        assert (heads["watch_s"] >= 0).all()
        assert heads["watched"].std() > 0
        assert bundle.value(heads).shape == (100,)


def test_no_graph_has_the_kernel_that_breaks_under_concurrent_requests(bundle: Bundle) -> None:
    # oneDNN's fused batch normalisation keeps the shapes of a call: two requests at once corrupt the heap.
    import tensorflow as tf

    for part in ("towers", "ranker"):
        ops = set()
        for function in tf.saved_model.load(str(bundle.path / part)).signatures.values():
            inner = [node for f in function.graph.as_graph_def().library.function for node in f.node_def]
            ops |= {node.op for node in [*function.graph.as_graph_def().node, *inner]}
        assert "MatMul" in ops
        assert not {op for op in ops if "FusedBatchNorm" in op}


def test_no_candidates_have_no_scores(bundle: Bundle, release) -> None:
    heads = bundle.score(viewer(release), candidates(bundle, 0), {"time": NOW, "device": "phone"})
    assert all(head.shape == (0,) for head in heads.values())


def test_training_and_serving_read_the_same_numbers(bundle: Bundle, release) -> None:
    from feature_repo.training_set import ranking_examples
    from models.ranking.examples import HIDDEN_SLOT, SlotUse, examples_of

    row = ranking_examples(release.settings, release.windows[-1], release.windows[-1]).slice(0, 1)
    shape = bundle.shape
    trained = examples_of(
        row, bundle.catalogue, shape.history_length, shape.ranker_history_length, SlotUse.FIXED
    ).inputs
    values = {name: column[0] for name, column in row.to_pydict().items()}
    user = {name: values[name] for name in values if not name.startswith(("video_", "channel_", "topic_"))}
    columns = {
        name: np.array([value]) for name, value in values.items() if name.startswith(("video", "channel", "topic"))
    }
    content = {"language": [values["video_language"]], "duration_s": [values["duration_s"]]}
    uploaded = np.array([values["uploaded"].replace(tzinfo=None)], "datetime64[us]")
    context = {"time": values["time"], "device": values["device"]}
    served = bundle.inputs(user, columns | content | {"uploaded": uploaded}, context)
    assert served.slot.tolist() == [HIDDEN_SLOT]
    for name, column in trained.columns().items():
        np.testing.assert_array_equal(getattr(served, name), column, err_msg=name)
    assert trained.dense[0, DENSE_FEATURES.index("history_size")] == len(values["history_videos"] or [])


def test_a_training_can_be_read_back(release) -> None:
    training = read_training(release.retrieval)
    assert training.kind == "retrieval"
    assert training.path == release.retrieval
    assert training.windows == (release.windows[0], "20261123T1750Z")
