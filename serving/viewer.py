"""The viewer of a request: one read from the online store, with a timeout, a breaker and a default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import aggregate_columns
from homefeed.settings.serving import ServingSettings
from serving.lookup import Lookup

_NOBODY = "nobody"
#: Reads one viewer from the online store: id -> row with `known`.
ViewerRead = Callable[[str], dict[str, Any]]

_AGGREGATES = tuple(aggregate_columns("user"))
_LISTS: dict[str, type[Any]] = {
    "history_videos": np.int64,
    "history_times": np.int64,
    "history_fractions": np.float32,
    "watched_videos": np.int64,
    "dismissed_videos": np.int64,
    "subscribed_channels": np.int64,
    "blocked_channels": np.int64,
}


@dataclass(frozen=True)
class Viewer:
    """One viewer.

    Attributes:
      row: what bundles read: user aggregates, `country`, `language`, `age` and the lists as arrays.
      known: False for a viewer that the platform never saw.
    """

    row: Mapping[str, Any]
    known: bool

    def keys(self, name: str) -> NDArray[np.int64]:
        """A list of keys, such as `watched_videos`, as an array."""
        keys: NDArray[np.int64] = self.row[name]
        return keys

    def in_country(self, country: str | None) -> "Viewer":
        """The same viewer, somewhere else for this request."""
        return self if country is None else replace(self, row={**self.row, "country": country})


def viewer_of(row: Mapping[str, Any]) -> Viewer:
    """A viewer from a row of the online store; what is missing gets the default of an unknown viewer."""
    lists = {name: np.asarray([] if row.get(name) is None else row[name], kind) for name, kind in _LISTS.items()}
    aggregates = {name: np.float32(row.get(name) or 0) for name in _AGGREGATES}
    profile = {"country": row.get("country") or "", "language": row.get("language") or "", "age": row.get("age")}
    return Viewer({**aggregates, **profile, **lists}, known=bool(row.get("known", False)))


UNKNOWN = viewer_of({})


class Viewers:
    """Reads viewers; a failing or slow store costs a request at most the timeout, and a broken one nothing.

    Args:
      settings: timeout and breaker.
      open_store: opens the online store; called until it succeeds, since the store appears with the first features.
    """

    def __init__(self, settings: ServingSettings, open_store: Callable[[], ViewerRead]) -> None:
        self._lookup = Lookup(settings, open_store, _NOBODY, "viewer")

    def prepare(self) -> None:
        """Open the store unless it is open; called off the response path. Raises what opening raises."""
        self._lookup.prepare()

    def read(self, user: str) -> tuple[Viewer, str]:
        """The viewer, and why the default was taken instead: empty, `no_store`, `breaker`, `timeout` or `error`."""
        row, failure = self._lookup.end(self._lookup.begin(user))
        return (UNKNOWN, failure) if row is None else (viewer_of(row), "")

    def close(self) -> None:
        """Let go of the reading threads."""
        self._lookup.close()


def open_online_store(settings: Any) -> ViewerRead:
    """The platform's own online store: Feast."""
    from feature_repo.online import UserStore

    read: ViewerRead = UserStore(settings).read
    return read
