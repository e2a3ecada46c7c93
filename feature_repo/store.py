"""The Feast store of a settings tree: its configuration is built from the settings, the one place for knobs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homefeed.settings import Settings
from homefeed.settings.storage import LAKES, StoreFolder

if TYPE_CHECKING:
    from feast import FeatureStore

PROJECT = "homefeed"


def configuration(settings: Settings, versions: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Feast's configuration, as `feature_store.yaml` would hold it.

    The online store is SQLite under `var`, or Redis when `features.online_url` names one.
    """
    folder, lake = settings.feast_path.absolute(), settings.lake_path
    if isinstance(lake, StoreFolder):
        LAKES[str(lake)] = lake
    online: dict[str, Any] = {"type": "sqlite", "path": str(folder / "online.db")}
    if settings.features.online_url:
        online = {"type": "redis", "connection_string": settings.features.online_url}
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": {"path": str(folder / "registry.db"), "cache_ttl_seconds": 0},
        "offline_store": {
            "type": "feature_repo.offline_store.LakeOfflineStore",
            "lake": str(lake.absolute() if isinstance(lake, Path) else lake),
            "versions": dict(versions or {}),
        },
        "online_store": online,
        "materialization": {
            "pull_latest_features": True,
            "online_write_batch_size": settings.features.online_batch_size,
        },
        "entity_key_serialization_version": 3,
    }


def feature_store(settings: Settings, versions: Mapping[str, int] | None = None) -> "FeatureStore":
    """Feast over the lake, its tables read at `versions` (the newest where none is given)."""
    from feast import FeatureStore, RepoConfig

    settings.feast_path.mkdir(parents=True, exist_ok=True)
    config = RepoConfig(**configuration(settings, versions), repo_path=Path(__file__).parent)
    return FeatureStore(config=config)
