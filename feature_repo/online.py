"""The online store: the newest viewer rows, where a request finds them in about a millisecond."""

import contextlib
import io
import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from feature_repo.lake_tables import open_tables
from feature_repo.store import configuration, feature_store
from homefeed import ids
from homefeed import windows as names
from homefeed.features import aggregate_columns
from homefeed.schema import TABLES
from homefeed.settings import Settings

log = logging.getLogger(__name__)
#: Columns of a viewer's row that are lists; an unknown viewer has none of them.
STATE = tuple(name for name in TABLES["user_state"].names if name not in ("window", "event_timestamp", "user"))


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
    with _quiet():
        store.apply([*definitions.entities.values(), *definitions.views, definitions.viewer, definitions.ranking])
    # JSON is YAML.
    (settings.feast_path / "feature_store.yaml").write_text(json.dumps(configuration(settings), indent=2))


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
        num_rows = sum(int(tables.table(view, first, newest).user.nunique().execute()) for view in online_views)
    with _quiet():
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
        from feast.type_map import feast_value_type_to_python_type

        entity = EntityKey(join_keys=["user"], entity_values=[Value(int64_val=key)])
        found: dict[str, Any] = {}
        with self._lock:
            for view, names in self._views:
                ((_, answer),) = self._online.online_read(self._config, view, [entity], names)
                found |= answer or {}
        return viewer_row({name: feast_value_type_to_python_type(value) for name, value in found.items()})

    def forget(self, key: int, now: datetime) -> None:
        """Put a row without values in place of the viewer's, as Feast's stores have no deletion by key."""
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        entity = EntityKey(join_keys=["user"], entity_values=[Value(int64_val=key)])
        with self._lock:
            for view, names in self._views:
                row = (entity, {name: Value() for name in names}, now, now)
                self._online.online_write_batch(self._config, view, [row], None)


def viewer_row(values: dict[str, Any]) -> dict[str, Any]:
    """One viewer's row with a value for every column, from what a store has of it."""
    state = {
        name: (list(values.get(name) or []))
        if name.endswith(("videos", "times", "fractions", "channels"))
        else values.get(name)
        for name in STATE
    }
    aggregates = {name: float(values.get(name) or 0.0) for name in aggregate_columns("user")}
    known = any(values.get(name) is not None for name in (*STATE, *aggregates))
    return {**state, **aggregates, "known": known}


@contextlib.contextmanager
def _quiet() -> Any:
    """Feast prints its progress; standard output belongs to the command that called."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        yield
    for line in filter(None, map(str.strip, out.getvalue().splitlines())):
        log.debug("feast: %s", line)
