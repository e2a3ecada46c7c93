"""Objects are written whole or not at all, alike on disk and in a store; credentials stay where they are."""

import hashlib
from pathlib import Path

import pytest

from homefeed.object_store import ObjectStore, StoreError
from homefeed.settings import SettingsError, load
from homefeed.settings.environment import environment
from homefeed.settings.storage import StorageSettings, StoreFolder
from tests.homefeed.store_gate import gate_before


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "disk":
        return ObjectStore(tmp_path / "store")
    s3 = request.getfixturevalue("s3")
    settings = StorageSettings(**s3.storage(s3.bucket()))
    return ObjectStore(StoreFolder(settings.url, settings))


def test_an_object_is_read_as_it_was_written(store: ObjectStore, tmp_path: Path) -> None:
    assert store.names() == []
    assert store.read("a/one") is None
    store.write("a/one", b"1")
    store.write("a/one", b"2")
    (tmp_path / "large").write_bytes(bytes(3 << 20))
    store.upload(tmp_path / "large", "b/large")
    store.upload(tmp_path / "large", "b/large")
    assert store.read("a/one") == b"2"
    assert (store.names(), store.names("a"), store.names("c")) == (["a/one", "b/large"], ["a/one"], [])
    sha = store.download("b/large", tmp_path / "back")
    assert sha == hashlib.sha256(bytes(3 << 20)).hexdigest()
    assert (tmp_path / "back").stat().st_size == 3 << 20
    store.delete("a/one")
    store.delete("a/one")
    assert store.names() == ["b/large"]


def test_what_is_not_there_is_named(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="a/none cannot be read"):
        store.download("a/none", tmp_path / "back")


def test_an_upload_that_fails_on_disk_leaves_the_old_object(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "store")
    store.write("one", b"1")
    with pytest.raises(StoreError, match="one cannot be written"):
        store.upload(tmp_path / "missing", "one")
    assert (store.read("one"), store.names()) == (b"1", ["one"])


def test_a_store_that_refuses_says_so_without_the_secret(s3, tmp_path: Path) -> None:
    with gate_before(s3.endpoint) as gate:
        gate.refuse(".")
        settings = StorageSettings(**s3.storage(s3.bucket(), endpoint_url=gate.endpoint))
        store = ObjectStore(StoreFolder(settings.url, settings))
        for act in (lambda: store.write("one", b"1"), lambda: store.read("one"), store.names):
            with pytest.raises(StoreError, match="the store refuses.*ACCESS_KEY_ID must be allowed") as refused:
                act()
            assert "test-secret" not in str(refused.value)


def test_a_store_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    unknown = StoreFolder("nosuch://bucket/home", StorageSettings(url="nosuch://bucket/home"))
    with pytest.raises(StoreError, match="nosuch://bucket/home cannot be opened.*HOMEFEED_STORAGE__URL"):
        ObjectStore(unknown).read("one")


def test_credentials_reach_a_child_and_nothing_that_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_STORAGE__URL", "s3://bucket/home")
    monkeypatch.setenv("HOMEFEED_STORAGE__SECRET_ACCESS_KEY", "very-secret")
    settings = load()
    assert "very-secret" not in settings.model_dump_json() + repr(settings) + str(settings.lake_path)
    assert "very-secret" not in repr(settings.lake_path)
    assert environment(settings)["HOMEFEED_STORAGE__SECRET_ACCESS_KEY"] == "very-secret"
    assert str(settings.lake_path) == "s3://bucket/home/lake"
    assert str(settings.archive_place) == "s3://bucket/home/archive"


def test_a_folder_may_be_named_as_a_url(tmp_path: Path) -> None:
    settings = load(storage={"url": f"file://{tmp_path}"}, retention={"archive_url": f"file://{tmp_path}/cold"})
    assert (settings.lake_path, settings.archive_place) == (tmp_path / "lake", tmp_path / "cold")


def test_a_key_under_a_mistyped_name_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_STORAGE__SECRET_ACESS_KEY", "very-secret")
    with pytest.raises(SettingsError, match="SECRET_ACESS_KEY: Extra inputs") as refused:
        load()
    assert "very-secret" not in str(refused.value) + str(refused.value.__cause__)


@pytest.mark.parametrize("url", ["bucket/home", "s3://", "s3://bucket/", "S3 bucket"])
def test_a_url_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_STORAGE__URL", url)
    with pytest.raises(SettingsError, match="HOMEFEED_STORAGE__URL"):
        load()
