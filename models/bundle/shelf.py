"""The shelf: exported bundles in the object store, each complete once its manifest is there."""

import shutil
import tempfile
from pathlib import Path

from pydantic import ValidationError

from homefeed import manifest
from homefeed.manifest import Manifest, ManifestError
from homefeed.object_store import ObjectStore
from homefeed.settings import Settings
from models.bundle.store import FOLDER, BundleError, bundle_path, open_store, stored, tag_of


def export_bundle(settings: Settings, release: str) -> int:
    """Copy a release's bundle to the shelf, each file read back; returns the files copied, 0 when it is there already.

    Raises:
      BundleError: there is no such bundle, it is damaged, or a file came back different.
      StoreError: the store refuses or is gone; what is there already is not taken for a bundle.
    """
    path, shelf = bundle_path(settings, release), ObjectStore(settings.shelf_place)
    try:
        made = manifest.verify(path)
    except ManifestError as error:
        raise BundleError(f"bundle {release} is damaged and is not exported: {error}") from error
    text = (path / manifest.FILE).read_bytes()
    if shelf.read(f"{release}/{manifest.FILE}") == text:
        return 0
    with tempfile.TemporaryDirectory(prefix="homefeed-shelf-") as folder:
        for name, sha in made.files.items():
            shelf.upload(path / name, f"{release}/{name}")
            if shelf.download(f"{release}/{name}", Path(folder) / "back") != sha:
                raise BundleError(f"{shelf.folder}/{release}/{name} came back different; export {release} again")
    # Last: a reader takes what has no manifest for a bundle that is not there.
    shelf.write(f"{release}/{manifest.FILE}", text)
    return len(made.files)


def import_bundle(settings: Settings, release: str) -> Path:
    """Bring a release's bundle from the shelf into the model store; returns its folder. One that is whole is left.

    Raises:
      BundleError: the shelf has no such bundle, or a file of it is damaged or missing; the model store is as it was.
      StoreError: the store refuses or is gone.
    """
    import bentoml

    existing = stored(settings, release)
    if existing is not None:
        try:
            manifest.verify(Path(existing.path_of(FOLDER)))
            return Path(existing.path_of(FOLDER))
        except ManifestError:
            open_store(settings).delete(tag_of(release))
    shelf = ObjectStore(settings.shelf_place)
    text = shelf.read(f"{release}/{manifest.FILE}")
    if text is None:
        raise BundleError(
            f"there is no bundle of release {release!r} on {shelf.folder}; `homefeed bundle list` names those there are"
        )
    settings.bundles_path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="import-", dir=settings.bundles_path) as folder:
        draft = Path(folder) / FOLDER
        for name in _parsed(text, release).files:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shelf.download(f"{release}/{name}", draft / name)
        (draft / manifest.FILE).write_bytes(text)
        try:
            manifest.verify(draft)
        except ManifestError as error:
            raise BundleError(f"bundle {release} on {shelf.folder} is damaged: {error}; export it again") from error
        with bentoml.models.create(
            tag_of(release), labels={"release": release}, _model_store=open_store(settings)
        ) as model:
            shutil.move(draft, model.path_of(FOLDER))
    return bundle_path(settings, release)


def shelved(settings: Settings) -> list[str]:
    """Releases on the shelf, in order."""
    ending = f"/{manifest.FILE}"
    return sorted(
        name.removesuffix(ending) for name in ObjectStore(settings.shelf_place).names() if name.endswith(ending)
    )


def kept_manifests(settings: Settings) -> list[Manifest]:
    """Manifests of every bundle in the model store and on the shelf: what may have to be trained again.

    Raises:
      BundleError: one cannot be read, so nobody can say what it needs.
    """
    shelf = ObjectStore(settings.shelf_place)
    found = {}
    for model in open_store(settings).list():
        path = Path(model.path_of(FOLDER)) / manifest.FILE
        if path.exists():
            made = _parsed(path.read_bytes(), str(model.tag))
            found[made.release] = made
    for release in shelved(settings):
        found.setdefault(release, _parsed(shelf.read(f"{release}/{manifest.FILE}") or b"", release))
    return list(found.values())


def _parsed(text: bytes, release: str) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise BundleError(f"the manifest of {release} cannot be read: {error}") from error
