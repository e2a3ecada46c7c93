"""Bundles travel through a store whole or not at all, and are what they were on the other side."""

from pathlib import Path

import pytest

from homefeed import manifest
from homefeed.manifest import Manifest
from homefeed.object_store import ObjectStore, StoreError
from homefeed.settings import Settings, load
from models.bundle.shelf import export_bundle, import_bundle, kept_manifests, shelved
from models.bundle.store import FOLDER, BundleError, bundle_path, open_store, tag_of
from tests.homefeed.store_gate import gate_before

pytestmark = pytest.mark.slow
RELEASE = "r20261123T2200Z-1a2b3c"
A, B = "20261123T2200Z", "20261123T2210Z"


def made(settings: Settings) -> Settings:
    """A model store with one bundle: two files and their manifest."""
    import bentoml

    with bentoml.models.create(tag_of(RELEASE), labels={}, _model_store=open_store(settings)) as model:
        folder = Path(model.path_of(FOLDER))
        (folder / "towers").mkdir(parents=True)
        (folder / "towers" / "weights").write_bytes(b"weights")
        (folder / "videos.npy").write_bytes(b"videos")
        origin = {"settings_digest": "", "code_version": "", "pairing": "", "metrics": {}}
        manifest.write(
            folder, Manifest(release=RELEASE, created="", windows=(A, B), lake_versions={"exposures": 7}, **origin)
        )
    return settings


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return made(load(var=tmp_path_factory.mktemp("bundled") / "var"))


def on(settings: Settings, **storage: str) -> Settings:
    return load(var=settings.var, storage=storage)


def test_a_bundle_comes_back_on_another_machine_as_it_was(s3, bundled: Settings, tmp_path: Path) -> None:
    storage = s3.storage(s3.bucket())
    here, there = on(bundled, **storage), load(var=tmp_path / "there", storage=storage)
    assert (shelved(here), kept_manifests(there)) == ([], [])
    assert export_bundle(here, RELEASE) == 2
    assert export_bundle(here, RELEASE) == 0
    assert shelved(there) == [RELEASE]
    # A version that a bundle on the shelf was trained on is kept, wherever vacuum runs.
    assert [m.lake_versions for m in kept_manifests(there)] == [{"exposures": 7}]
    path = import_bundle(there, RELEASE)
    assert import_bundle(there, RELEASE) == path == bundle_path(there, RELEASE)
    assert manifest.verify(path) == manifest.verify(bundle_path(here, RELEASE))
    assert (path / "towers" / "weights").read_bytes() == b"weights"


def test_half_an_export_is_no_bundle_and_the_next_one_completes_it(s3, bundled: Settings, tmp_path: Path) -> None:
    with gate_before(s3.endpoint) as gate:
        here = on(bundled, **s3.storage(s3.bucket(), endpoint_url=gate.endpoint))
        gate.refuse(r"^PUT .*videos\.npy")
        with pytest.raises(StoreError, match="videos.npy cannot be written: the store refuses"):
            export_bundle(here, RELEASE)
        assert ObjectStore(here.shelf_place).names() == [f"{RELEASE}/towers/weights"]
        assert shelved(here) == []
        with pytest.raises(BundleError, match="no bundle of release"):
            import_bundle(load(var=tmp_path / "there", storage=here.storage), RELEASE)
        gate.refuse("")
        assert export_bundle(here, RELEASE) == 2
        assert shelved(here) == [RELEASE]


def test_a_damaged_file_is_not_imported(bundled: Settings, tmp_path: Path) -> None:
    export_bundle(bundled, RELEASE)
    ObjectStore(bundled.shelf_place).write(f"{RELEASE}/videos.npy", b"other")
    there = load(var=tmp_path / "there", storage={"url": f"file://{bundled.var}"})
    with pytest.raises(BundleError, match="videos.npy was altered"):
        import_bundle(there, RELEASE)
    with pytest.raises(BundleError, match="no bundle of release"):
        bundle_path(there, RELEASE)


def test_a_damaged_bundle_is_not_exported(tmp_path: Path) -> None:
    settings = made(load(var=tmp_path / "var"))
    (bundle_path(settings, RELEASE) / "videos.npy").write_bytes(b"other")
    with pytest.raises(BundleError, match="is damaged and is not exported"):
        export_bundle(settings, RELEASE)
    assert shelved(settings) == []
