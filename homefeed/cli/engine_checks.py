"""Each engine of the profile, tried: one row is one part of the platform that has an engine of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from homefeed.errors import HomefeedError
from homefeed.settings import Settings

#: The oldest servers that the clients in requirements.txt support.
MIN_REDIS, MIN_POSTGRESQL = (6, 2), 13


@dataclass(frozen=True)
class EngineCheck:
    """One engine: what it is for, which it is, and the problem with it, empty when it can be used."""

    part: str
    engine: str
    problem: str


class EngineCheckError(HomefeedError):
    """A server answers and cannot be used; the message says why."""


def checks(settings: Settings) -> list[EngineCheck]:
    """Try every engine once. None is started or changed, but for a row that Spark writes beside the lake and drops."""
    knobs = settings.resolved_engine
    query = f"spark at {knobs.spark_master}" if knobs.kind == "spark" else "duckdb"
    found = [
        _check("window queries", query, lambda: _try_queries(settings)),
        _check("control state", _where(settings.resolved_registry_url), lambda: _try_registry(settings)),
        _check("feature registry", _where(settings.features.feast_registry_url), lambda: _try_feast(settings)),
        _check("online store", _redis_name(settings.features.online_url), lambda: _try_online(settings)),
    ]
    if settings.profile == "cluster":
        platform = settings.platform
        database = _where(platform.airflow_database_url)
        found.append(_check("Airflow", database, lambda: _try_database(platform.airflow_database_url)))
        found.append(_check("Celery broker", _where(platform.airflow_broker_url), lambda: _try_broker(settings)))
    return found


def _check(part: str, engine: str, attempt: Callable[[], None]) -> EngineCheck:
    try:
        attempt()
    except HomefeedError as error:
        return EngineCheck(part, engine, str(error))
    return EngineCheck(part, engine, "")


def _try_queries(settings: Settings) -> None:
    """One row there and back; where workers write for themselves, through a file that this process must see."""
    import pyarrow as pa

    from feature_repo.engine import open_engine
    from homefeed.lake import Lake

    name, window = "engine_check", "20261123T2200Z"
    schema = pa.schema([("window", pa.string()), ("n", pa.int64())])
    lake = Lake(settings.lake_path, {name: schema})
    engine = open_engine(settings.resolved_engine, settings.spill_path)
    try:
        engine.see(lake)
        rows = engine.memory(pa.table({"window": [window], "n": [1]}, schema=schema))
        engine.replace(lake, name, [window], rows, ["n"])
        read = engine.run(engine.read(lake.files(name), schema)).to_pylist()
        if read != [{"window": window, "n": 1}]:
            raise EngineCheckError(f"a row written to {lake.location(name)} was read again as {read}")
    finally:
        engine.close()
        lake.drop(name)


def _try_registry(settings: Settings) -> None:
    from homefeed.registry import open_registry

    open_registry(settings.resolved_registry_url).live()


def _try_feast(settings: Settings) -> None:
    from feature_repo.store import feature_store

    feature_store(settings)
    if settings.features.feast_registry_url:
        _try_database(settings.features.feast_registry_url)


def _try_database(url: str) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            version = connection.dialect.server_version_info
        engine.dispose()
    except (ArgumentError, NoSuchModuleError) as error:
        raise EngineCheckError(f"{error}: write postgresql+psycopg://user:password@host/database") from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise EngineCheckError(f"{reason}: see that it runs, and its user, password and database") from error
    if engine.dialect.name == "postgresql" and version and int(version[0]) < MIN_POSTGRESQL:
        raise EngineCheckError(f"PostgreSQL {version[0]} is too old: {MIN_POSTGRESQL} or newer is needed")


def _try_online(settings: Settings) -> None:
    from feature_repo.online import UserStore, apply

    if not settings.features.online_url:
        apply(settings)
        UserStore(settings).read("nobody")
        return
    import redis
    from feast.infra.online_stores.redis import RedisOnlineStore

    (node, *_), options = RedisOnlineStore._parse_connection_string(settings.features.online_url)
    _try_redis(
        lambda: redis.Redis(host=node["host"], port=int(node["port"]), **options), "HOMEFEED_FEATURES__ONLINE_URL"
    )


def _try_broker(settings: Settings) -> None:
    import redis

    name = "HOMEFEED_PLATFORM__AIRFLOW_BROKER_URL"
    _try_celery()
    _try_redis(lambda: redis.Redis.from_url(settings.platform.airflow_broker_url), name)


def _try_celery() -> None:
    """Whether the Celery that is installed is one that Airflow's provider was written for."""
    import importlib

    try:
        database = importlib.import_module("celery.backends.database")
        version = importlib.import_module("celery").__version__
    except ImportError as error:
        raise EngineCheckError(f"{error}: pip install 'homefeed[cluster]'") from error
    # The provider up to 3.26 takes this name from Celery, which has dropped it in 5.7.
    if not hasattr(database, "retry"):
        raise EngineCheckError(f"Celery {version} does not fit Airflow's provider for it: pip install 'celery<5.7'")


def _try_redis(connect: Callable[[], Any], setting: str) -> None:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        client = connect()
        client.set_retry(Retry(NoBackoff(), 0))  # by itself it tries for ten seconds
        version = str(client.info("server")["redis_version"])
        client.close()
    except (redis.RedisError, ValueError, KeyError, TypeError) as error:
        raise EngineCheckError(f"{error}: see that it runs and that {setting} is right") from error
    if tuple(int(part) for part in version.split(".")[:2]) < MIN_REDIS:
        raise EngineCheckError(f"Redis {version} is too old: {'.'.join(map(str, MIN_REDIS))} or newer is needed")


def _where(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string() if url else "not set"
    except ArgumentError:
        return url


def _redis_name(url: str) -> str:
    return f"redis at {url.split(',', maxsplit=1)[0]}" if url else "sqlite"
