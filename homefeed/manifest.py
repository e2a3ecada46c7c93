"""Lineage of a bundle: what it was made from, and a digest of every file in it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from homefeed.errors import HomefeedError

FILE = "manifest.json"


class ManifestError(HomefeedError):
    """The files of a bundle are not those its manifest names."""


class Manifest(BaseModel):
    """What a bundle was made from. Two bundles with the same manifest serve the same pages.

    Attributes:
      release: id of the release.
      created: ISO 8601 time, the end of the newest window it saw.
      windows: first and last window that training read.
      lake_versions: version of each lake table that training read.
      settings_digest: SHA-256 of the settings that shaped it.
      code_version: version of the package, with the commit where it is known.
      pairing: id shared by towers, ranker vocabularies and index; files of another training have another.
      metrics: quality on windows that training never saw.
      value_weights: worth of one unit of each head, by which the release ranks a page.
      files: SHA-256 of every file, by its path inside the bundle.
    """

    model_config = ConfigDict(frozen=True)

    release: str
    created: str
    windows: tuple[str, str]
    lake_versions: dict[str, int]
    settings_digest: str
    code_version: str
    pairing: str
    metrics: dict[str, Any]
    value_weights: dict[str, float] = {}
    files: dict[str, str] = {}


def digest(path: Path, rest: Callable[[], object] | None = None) -> str:
    """SHA-256 of a file; `rest` is called after each 256 KiB."""
    sha = hashlib.sha256()
    add_file(sha, path, rest)
    return sha.hexdigest()


def add_file(total: "hashlib._Hash", path: Path, rest: Callable[[], object] | None = None) -> None:
    """Take a file into a digest, 256 KiB at a time; `rest` is called after each."""
    block = memoryview(bytearray(2**18))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            total.update(block[:size])
            if rest is not None:
                rest()


def write(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of everything in `folder`, with a digest of each file."""
    files = {str(p.relative_to(folder)): digest(p) for p in sorted(folder.rglob("*")) if p.is_file() and p.name != FILE}
    complete = manifest.model_copy(update={"files": files})
    (folder / FILE).write_text(complete.model_dump_json(indent=2))
    return complete


def verify(folder: Path, rest: Callable[[], object] | None = None) -> Manifest:
    """Read the manifest and hold every file against it; `rest` is called between small steps.

    Raises:
      ManifestError: no manifest, or a file that is missing, altered or not named in it.
    """
    try:
        manifest = Manifest.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise ManifestError(f"{folder / FILE} cannot be read: {error}") from error
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != FILE}
    if present != set(manifest.files):
        wrong = sorted(present ^ set(manifest.files))
        raise ManifestError(f"{folder} does not hold the files its manifest names: {', '.join(wrong[:5])}")
    for name, expected in manifest.files.items():
        if digest(folder / name, rest) != expected:
            raise ManifestError(f"{folder / name} was altered: its SHA-256 is not the one in the manifest")
    return manifest
