"""The Feast store of a settings tree: its configuration is built from the settings, the one place for knobs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from homefeed.settings.storage import LAKES, StoreFolder

if TYPE_CHECKING:
    from feast import FeatureStore

PROJECT = "homefeed"


class FeatureStoreError(HomefeedError):
    """Feast's registry or online store cannot be used; the message names its address and the setting."""


def configuration(settings: Settings, versions: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Feast's configuration, as `feature_store.yaml` would hold it.

    The online store is SQLite under `var`, or Redis when `features.online_url` names one; the registry is a file
    there, or the database of `features.feast_registry_url`.

    Raises:
      FeatureStoreError: the profile is `cluster` and one of the two has no server.
    """
    folder, knobs, lake = settings.feast_path.absolute(), settings.features, settings.lake_path
    if settings.profile == "cluster":
        for name in ("online_url", "feast_registry_url"):
            if not getattr(knobs, name):
                raise FeatureStoreError(
                    f"profile cluster keeps no features on one machine: set HOMEFEED_FEATURES__{name.upper()}, "
                    "or HOMEFEED_PROFILE=local (docs/cluster.md)"
                )
    if isinstance(lake, StoreFolder):
        LAKES[str(lake)] = lake
    online: dict[str, Any] = {"type": "sqlite", "path": str(folder / "online.db")}
    if knobs.online_url:
        online = {"type": "redis", "connection_string": knobs.online_url}
    registry: dict[str, Any] = {"path": str(folder / "registry.db")}
    if knobs.feast_registry_url:
        registry = {"registry_type": "sql", "path": knobs.feast_registry_url}
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": {**registry, "cache_ttl_seconds": 0},
        "offline_store": {
            "type": "feature_repo.offline_store.LakeOfflineStore",
            "lake": str(lake.absolute() if isinstance(lake, Path) else lake),
            "engine": settings.resolved_engine.model_dump(),
            "spill": str(settings.spill_path.absolute()),
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
    values = configuration(settings, versions)
    if settings.features.feast_registry_url:
        # Feast never closes its pool: a connection that is kept would stay until the process ends.
        values["registry"]["sqlalchemy_config_kwargs"] = {"poolclass": NullPool}
    config = RepoConfig(**values, repo_path=Path(__file__).parent)
    try:
        store = FeatureStore(config=config)
        _ = store.registry  # Feast connects at the first use; a wrong password is told here
        return store
    except SQLAlchemyError as error:
        raise registry_error(settings, error) from error


def registry_error(settings: Settings, error: Exception) -> FeatureStoreError:
    """What a failing registry is called: where it is, without its password, and what to do."""
    where = make_url(settings.features.feast_registry_url).render_as_string()
    reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
    return FeatureStoreError(
        f"Feast's registry at {where} cannot be used ({reason}): see that the server runs and that user, password and "
        "database of HOMEFEED_FEATURES__FEAST_REGISTRY_URL are right, then run again; nothing was changed"
    )


def online_error(settings: Settings, error: Exception) -> FeatureStoreError:
    """What a failing Redis is called: where it is, and what to do."""
    where = settings.features.online_url.split(",", maxsplit=1)[0]
    return FeatureStoreError(
        f"the online store at Redis {where} cannot be used ({error}): see that it runs and that "
        "HOMEFEED_FEATURES__ONLINE_URL (`host:port,password=...,ssl=true`) is right, then run again: "
        "rows written twice are the same rows"
    )
