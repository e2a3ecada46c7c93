"""The online store: the newest viewer rows, where a request finds them in about a millisecond."""

import contextlib
import io
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy.exc import SQLAlchemyError

from feature_repo.lake_tables import open_tables
from feature_repo.store import configuration, feature_store, online_error, registry_error
from homefeed import ids
from homefeed import windows as names
from homefeed.features import aggregate_columns
from homefeed.schema import TABLES
from homefeed.settings import Settings

log = logging.getLogger(__name__)
#: Columns of a viewer's row that are no aggregates; an unknown viewer has an empty one of each of the lists.
STATE = tuple(name for name in TABLES["user_state"].names if name not in ("window", "event_timestamp", "user"))
_LISTS = frozenset(field.name for field in TABLES["user_state"] if pa.types.is_list(field.type))
_AGGREGATES = tuple(aggregate_columns("user"))


def apply(settings: Settings) -> None:
    """Tell Feast what `feature_repo.definitions` defines, and write the configuration for Feast's own command line.

    Doing it again changes nothing. `feast -c feature_repo -f var/feast/feature_store.yaml ui` shows the result.
    """
    from feature_repo import definitions

    store = feature_store(settings)
    if not settings.features.online_url:
        # Readers of the service do not wait while a window is materialised.
        with contextlib.closing(sqlite3.connect(settings.feast_path / "online.db")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    with _quiet(), _named(settings):
        store.apply([*definitions.entities.values(), *definitions.views, definitions.viewer, definitions.ranking])
    file = settings.feast_path / "feature_store.yaml"
    file.touch(mode=0o600)  # passwords of the servers may be in it
    # JSON is YAML.
    file.write_text(json.dumps(configuration(settings), indent=2))


def materialize(settings: Settings, windows: Sequence[str]) -> int:
    """Bring the online rows of viewers that changed in `windows` or later up to date; run `apply` before.

    It reads from the oldest of `windows` to the newest published one: a window that is published late must not put an
    old row over a newer one.

    Returns:
      Number of rows written, over all online views.
    """
    from feature_repo.definitions import online_views

    with open_tables(settings) as tables:
        newest = max((w for view in online_views for w in tables.lake.windows(view)), default=None)
        if not windows or newest is None or newest < min(windows):
            return 0
        first = min(windows)
        num_rows = sum(int(tables.value(tables.table(view, first, newest).user.nunique())) for view in online_views)
    with _quiet(), _named(settings):
        feature_store(settings).materialize(names.end(first), names.end(newest), feature_views=online_views)
    return num_rows


class UserStore:
    """Reads one viewer from the online store; safe to use from several threads.

    By the interface of Feast's online stores, which `get_online_features` calls as well: for one viewer it takes half
    the time, as no table of answers with a status for each value is made.
    """

    def __init__(self, settings: Settings) -> None:
        from feast.infra.online_stores.helpers import get_online_store_from_config

        from feature_repo.definitions import viewer

        store = feature_store(settings)
        self._config = store.config
        self._online = get_online_store_from_config(store.config.online_store)
        if settings.features.online_url:
            online: Any = self._online
            _make_impatient(online._get_client(self._config.online_store), settings.serving.viewer_timeout_s)
        projections = store.get_feature_service(viewer.name).feature_view_projections
        self._views = [
            (store.get_feature_view(part.name), [feature.name for feature in part.features]) for part in projections
        ]
        self._lock = threading.Lock()

    def read(self, user: str) -> dict[str, Any]:
        """Everything serving knows about `user`: the columns of `user_state` and `user_aggregates`, and `known`.

        A viewer never seen has `known` False, empty lists, no profile and aggregates of zero.
        """
        return self.read_key(ids.key(user))

    def read_key(self, key: int) -> dict[str, Any]:
        """`read` of the viewer with this key."""
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        entity = EntityKey(join_keys=["user"], entity_values=[Value(int64_val=key)])
        found: dict[str, Any] = {}
        with self._lock:
            for view, names in self._views:
                ((_, answer),) = self._online.online_read(self._config, view, [entity], names)
                found |= answer or {}
        return viewer_row({name: _plain(value) for name, value in found.items()})

    def forget(self, key: int, now: datetime) -> None:
        """Put a row without values in place of the viewer's, as Feast's stores have no deletion by key."""
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        entity = EntityKey(join_keys=["user"], entity_values=[Value(int64_val=key)])
        with self._lock:
            for view, names in self._views:
                row = (entity, {name: Value() for name in names}, now, now)
                self._online.online_write_batch(self._config, view, [row], None)


def _plain(value: Any) -> Any:
    """What a value of Feast's holds, of the types of `feature_repo.definitions`: a number, a string, a list of numbers,
    or None. Feast's own conversion asks each value which of forty types it is."""
    kind = value.WhichOneof("val")
    if kind is None:
        return None
    held = getattr(value, kind)
    return list(held.val) if kind.endswith("_list_val") else held


def _make_impatient(redis: Any, timeout_s: float) -> None:
    """A page does not wait for a Redis that is gone, and a connection that died while idle is opened again at once.

    Feast has no word for either: the client's own default tries for ten seconds, with every other reader behind it.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    redis.set_retry(Retry(NoBackoff(), 1))
    for name in ("socket_timeout", "socket_connect_timeout"):
        redis.connection_pool.connection_kwargs[name] = timeout_s


def viewer_row(values: dict[str, Any]) -> dict[str, Any]:
    """One viewer's row with a value for every column, from what a store has of it."""
    state = {name: (values.get(name) or []) if name in _LISTS else values.get(name) for name in STATE}
    aggregates = {name: values.get(name) or 0.0 for name in _AGGREGATES}
    known = any(values.get(name) is not None for name in (*STATE, *aggregates))
    return {**state, **aggregates, "known": known}


@contextlib.contextmanager
def _named(settings: Settings) -> Iterator[None]:
    """Faults of the servers behind Feast, told by where these are and what to do."""
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise online_error(settings, error) from error
    except SQLAlchemyError as error:
        raise registry_error(settings, error) from error


@contextlib.contextmanager
def _quiet() -> Any:
    """Feast prints its progress; standard output belongs to the command that called."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        yield
    for line in filter(None, map(str.strip, out.getvalue().splitlines())):
        log.debug("feast: %s", line)
