"""Open a release's bundle, or refuse it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import manifest
from homefeed.manifest import Manifest, ManifestError
from homefeed.settings import Settings
from homefeed.settings.index import IndexSettings
from models.bundle.build import SHAPE_FILE, SNAPSHOT_FILE
from models.bundle.bundle import Bundle, Shape
from models.bundle.page_weights import load_page_weights
from models.bundle.store import BundleError, BundleVersionError, bundle_path
from models.index import FOLDER as INDEX_FOLDER
from models.index import IndexRecord, Rest, Searchable, load_index, pairing_of, read_record
from models.ranking.calibration import CalibrationError, calibrators_of
from models.value import ValueWeightsError, checked_weights

__all__ = ["BundleError", "Parts", "bundle_path", "checked_parts", "load_bundle", "open_bundle"]


def load_bundle(settings: Settings, release: str, index: Searchable | None = None, rest: Rest | None = None) -> Bundle:
    """The bundle of a release, checked and warm.

    Args:
      settings: where the model store is, and how an index is kept fresh.
      release: id.
      index: what is searched instead of the bundle's own index, which then stays on disk: its shards elsewhere.
      rest: called between small steps of work where pages are made meanwhile: it takes longer, and they wait less
        (`models.index.opening`).

    Raises:
      BundleError: there is none; a file is missing, altered or added; tower, vectors and index are not of one
        training; the manifest holds no usable value weights; or the bundle is of another release.
      BundleVersionError: its networks are of another version of the code.
    """
    return open_bundle(bundle_path(settings, release), release, settings.index, index, rest)


@dataclass(frozen=True)
class Parts:
    """A bundle's folder that was checked: its manifest, the record of its index, and what that was built of.

    Attributes:
      vectors: [v, d] float32, mapped into memory.
      videos: [v] int64 keys, in the order of `vectors`.
    """

    manifest: Manifest
    record: IndexRecord
    vectors: NDArray[np.float32]
    videos: NDArray[np.int64]


def checked_parts(path: Path, release: str, rest: Rest | None = None) -> Parts:
    """Hold every file of a bundle against its manifest, and its towers against its index; `rest` is called between
    small steps. Raises BundleError."""
    try:
        made = manifest.verify(path, rest)
    except ManifestError as error:
        raise BundleError(f"bundle {release} is damaged: {error}; build it again with the build_index DAG") from error
    if made.release != release:
        raise BundleError(f"{path} holds release {made.release}, not {release}")
    try:
        record = read_record(path / INDEX_FOLDER)
        vectors = np.load(path / "vectors.npy", mmap_mode="r", allow_pickle=False)
        videos = np.load(path / "videos.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleError(f"bundle {release} cannot be read: {error}") from error
    pairings = {"manifest": made.pairing, "towers": pairing_of(path / "towers", rest), "index": record.pairing}
    if len(set(pairings.values())) > 1:
        named = ", ".join(f"{part} {pairing}" for part, pairing in pairings.items())
        raise BundleError(f"bundle {release} pairs towers and index of different trainings: {named}; build it again")
    if not record.size == len(vectors) == len(videos):
        raise BundleError(
            f"bundle {release} indexes {record.size} videos but has {len(vectors)} vectors of {len(videos)} videos"
        )
    return Parts(made, record, vectors, videos)


def open_bundle(
    path: Path, release: str, settings: IndexSettings, index: Searchable | None = None, rest: Rest | None = None
) -> Bundle:
    """`load_bundle` on a folder; `settings` say how its index is kept fresh."""
    parts = checked_parts(path, release, rest)
    made, vectors, videos = parts.manifest, parts.vectors, parts.videos
    try:
        weights = checked_weights(made.value_weights)
    except ValueWeightsError as error:
        raise BundleError(f"bundle {release} names no weights to rank by: {error}; build it again") from error
    try:
        networks = load_page_weights(path, rest)
    except BundleVersionError as error:
        raise BundleVersionError(
            f"bundle {release} is of another version of the code ({error}); the next release that this one trains "
            "takes its place"
        ) from error
    except (OSError, ValueError) as error:
        raise BundleError(f"bundle {release} prepares no page ({error}); build it again") from error
    with pa.memory_map(str(path / SNAPSHOT_FILE)) as source:
        snapshot = pa.ipc.open_file(source).read_all()
    try:
        calibrators = calibrators_of(json.loads((path / "calibrators.json").read_text()))
    except CalibrationError as error:
        raise BundleError(f"bundle {release} is not calibrated: {error}; train the ranker again") from error
    if index is None:
        try:
            # Last: it takes longest.
            index = load_index(path / INDEX_FOLDER, videos, vectors, settings, rest)
        except (OSError, ValueError) as error:
            raise BundleError(f"bundle {release} cannot be read: {error}") from error
    bundle = Bundle(
        release=release,
        path=path,
        manifest=made,
        vectors=vectors,
        videos=videos,
        index=index,
        networks=networks,
        calibrators=calibrators,
        weights=weights,
        shape=Shape(**json.loads((path / SHAPE_FILE).read_text())),
        snapshot=snapshot,
    )
    bundle.warm_up()
    return bundle
