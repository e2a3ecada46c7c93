"""A bundle's manifest: every file is the one that was written."""

from pathlib import Path

import pytest

from homefeed.manifest import Manifest, ManifestError, verify, write

MANIFEST = Manifest(
    release="r1",
    created="2026-11-23T22:10:00+00:00",
    windows=("20261121T2210Z", "20261123T2200Z"),
    lake_versions={"exposures": 3},
    settings_digest="0" * 64,
    code_version="0.1.0",
    pairing="p1",
    metrics={"ne": 0.8},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "a.bin").write_bytes(b"a")
    (tmp_path / "ranker.bin").write_bytes(b"r")
    write(tmp_path, MANIFEST)
    return tmp_path


def test_an_untouched_bundle_is_accepted(folder: Path) -> None:
    manifest = verify(folder)
    assert manifest.windows == MANIFEST.windows
    assert set(manifest.files) == {"index/a.bin", "ranker.bin"}


def test_an_altered_file_is_named(folder: Path) -> None:
    (folder / "ranker.bin").write_bytes(b"x")
    with pytest.raises(ManifestError, match=r"ranker\.bin was altered"):
        verify(folder)


def test_a_missing_and_an_added_file_are_named(folder: Path) -> None:
    (folder / "index" / "a.bin").rename(folder / "b.bin")
    with pytest.raises(ManifestError, match=r"b\.bin, index/a\.bin"):
        verify(folder)


def test_no_manifest_and_a_broken_one_are_refused(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ManifestError, match="cannot be read"):
        verify(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        verify(folder)
