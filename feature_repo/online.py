"""The online store: the newest viewer rows, where a request finds them in about a millisecond."""

import contextlib
import io
import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
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
    """Reads one viewer from the online store; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        from feature_repo.definitions import viewer

        self._store = feature_store(settings)
        self._features = self._store.get_feature_service(viewer.name)
        self._lock = threading.Lock()

    def read(self, user: str) -> dict[str, Any]:
        """Everything serving knows about `user`: the columns of `user_state` and `user_aggregates`, and `known`.

        A viewer never seen has `known` False, empty lists, no profile and aggregates of zero.
        """
        with self._lock:
            answer = self._store.get_online_features(self._features, [{"user": ids.key(user)}])
        return viewer_row({name: values[0] for name, values in answer.to_dict().items()})


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
