"""Put one retrieval training, its index and one ranking training together as a release."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from homefeed import VERSION, manifest, windows
from homefeed.manifest import Manifest, ManifestError
from homefeed.settings import Settings
from models.bundle.page_weights import save_page_weights
from models.bundle.store import FOLDER, BundleError, open_store, stored, tag_of
from models.index import FOLDER as INDEX_FOLDER
from models.index import build_index, pairing_of, read_record
from models.ranking.reference import REFERENCE_FILE
from models.retrieval.frequency import FILE as FREQUENCY_FILE
from models.training import Training, read_training
from models.value import value_weights

SNAPSHOT_FILE, SHAPE_FILE = "snapshot.arrow", "shape.json"
#: Goes into the id of a release: a bundle of another make is never taken for one of this.
_MAKE = 5


def build_bundle(settings: Settings, retrieval_path: Path, ranking_path: Path) -> str:
    """Make the bundle and put it in the model store.

    Args:
      settings: value weights travel in the manifest, lengths of histories in the bundle; their digest in the manifest.
      retrieval_path: folder of a retrieval training; it is indexed first when it is not yet.
      ranking_path: folder of a ranking training.

    Returns:
      Id of the release. The same trainings and settings make the same id; a whole bundle of that id is left as it is.

    Raises:
      TrainingError: a folder holds no finished training.
      BundleError: there is no candidate snapshot yet, or the index is of other towers.
    """
    import bentoml

    retrieval, ranking = read_training(Path(retrieval_path)), read_training(Path(ranking_path))
    window = max(retrieval.window, ranking.window)
    shaped = settings.model_dump_json(include={"retrieval", "index", "ranking", "features", "seed"})
    settings_digest = hashlib.sha256(shaped.encode()).hexdigest()
    made_from = hashlib.sha256(f"{_MAKE} {retrieval.id} {ranking.id} {settings_digest}".encode()).hexdigest()
    release = f"r{windows.window_of(windows.end(window))}-{made_from[:6]}"
    existing = stored(settings, release)
    if existing is not None:
        try:
            manifest.verify(Path(existing.path_of(FOLDER)))
            return release
        except ManifestError:
            open_store(settings).delete(tag_of(release))
    if not (retrieval.path / INDEX_FOLDER).exists():
        build_index(settings, retrieval.path)
    with bentoml.models.create(
        tag_of(release), labels={"release": release}, _model_store=open_store(settings)
    ) as model:
        folder = Path(model.path_of(FOLDER))
        folder.mkdir()
        _fill(folder, settings, retrieval, ranking)
        made = Manifest(
            release=release,
            created=windows.end(window).isoformat(),
            windows=(min(retrieval.windows[0], ranking.windows[0]), max(retrieval.windows[1], ranking.windows[1])),
            lake_versions={**retrieval.versions, **ranking.versions},
            settings_digest=settings_digest,
            code_version=VERSION,
            pairing=pairing_of(folder / "towers"),
            metrics=_metrics(folder, retrieval, ranking),
            value_weights=value_weights(settings.ranking),
        )
        manifest.write(folder, made)
    return release


def _fill(folder: Path, settings: Settings, retrieval: Training, ranking: Training) -> None:
    """Copy every file of the bundle but the manifest."""
    from feature_repo.snapshot import newest_snapshot

    snapshot = newest_snapshot(settings)
    if snapshot is None:
        raise BundleError(
            f"there is no candidate snapshot in {settings.snapshots_path}; run the build_features DAG first"
        )
    for name in ("towers", INDEX_FOLDER):
        shutil.copytree(retrieval.path / name, folder / name)
    for name in ("vectors.npy", "videos.npy"):
        shutil.copy(retrieval.path / name, folder / name)
    if (retrieval.path / FREQUENCY_FILE).exists():
        shutil.copy(retrieval.path / FREQUENCY_FILE, folder / FREQUENCY_FILE)
    shutil.copytree(ranking.path / "ranker", folder / "ranker")
    save_page_weights(folder)
    for name in ("calibrators.json", REFERENCE_FILE):
        shutil.copy(ranking.path / name, folder / name)
    shutil.copy(snapshot, folder / SNAPSHOT_FILE)
    shape = {
        "history_length": settings.features.history_length,
        "query_history_length": settings.retrieval.history_length,
        "ranker_history_length": settings.ranking.history_length,
    }
    (folder / SHAPE_FILE).write_text(json.dumps(shape, indent=2))


def _metrics(folder: Path, retrieval: Training, ranking: Training) -> dict[str, Any]:
    """Quality of the parts, for the manifest."""
    index = read_record(folder / INDEX_FOLDER)
    if index.pairing != pairing_of(folder / "towers"):
        where = retrieval.path / INDEX_FOLDER
        raise BundleError(f"the index in {where} is of other towers; run the build_index DAG again")
    return {
        "retrieval": retrieval.metrics,
        "ranking": ranking.metrics,
        "index": {"videos": index.size, "recall_at_1000": index.recall_at_1000},
        "trainings": {"retrieval": retrieval.id, "ranking": ranking.id},
    }
