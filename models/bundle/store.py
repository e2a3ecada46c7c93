"""The BentoML model store that holds the bundles."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homefeed.errors import HomefeedError
from homefeed.settings import Settings

if TYPE_CHECKING:
    from bentoml._internal.models.model import ModelStore

NAME = "homefeed"
#: The bundle inside a stored model, beside BentoML's own `model.yaml`, which the manifest does not cover.
FOLDER = "bundle"


class BundleError(HomefeedError):
    """A bundle cannot be built, found or trusted; the message says which and what is wrong with it."""


class BundleVersionError(BundleError):
    """A bundle is whole, but of networks that another version of the code computes."""


def open_store(settings: Settings) -> "ModelStore":
    """The store under `settings.bundles_path`, whatever BENTOML_HOME says."""
    # BentoML reports each saved model to its makers unless told otherwise.
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    from bentoml._internal.models.model import ModelStore

    path = settings.bundles_path / "models"
    path.mkdir(parents=True, exist_ok=True)
    return ModelStore(path)


def tag_of(release: str) -> str:
    """Name and version of a release in the store, which knows small letters only."""
    return f"{NAME}:{release.lower()}"


def stored(settings: Settings, release: str) -> Any | None:
    """The stored model of a release, or None."""
    from bentoml.exceptions import NotFound

    try:
        return open_store(settings).get(tag_of(release))
    except NotFound:
        return None


def bundle_path(settings: Settings, release: str) -> Path:
    """Folder of a release's bundle. Raises BundleError when the store has none."""
    model = stored(settings, release)
    if model is None:
        raise BundleError(
            f"there is no bundle of release {release!r} in {settings.bundles_path}; run the build_index DAG to make one"
        )
    return Path(model.path_of(FOLDER))
