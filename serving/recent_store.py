"""Where acts wait until the online store has caught up with them: beside it, and read by every process of the service.

SQLite beside Feast's own in the local profile; in Redis where `features.online_url` names one.
"""

import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson

from homefeed.settings import Settings
from serving.acts import Act

#: Newest acts of a viewer that a page reads: more than a hand can do, and a bound for a script.
_MAX_ACTS = 500
_PREFIX = "homefeed:recent:"


class RecentStore(Protocol):
    """Acts by viewer, for a while. Safe to use from several threads and processes."""

    def write(self, acts: Sequence[Act], arrival: datetime) -> None:
        """Keep acts that arrived then. One that is there already is not kept twice."""

    def read(self, user: int) -> list[Act]:
        """The newest acts of the viewer with this key, in no order."""

    def forget(self, before: datetime) -> None:
        """Let go of acts that arrived before then."""

    def close(self) -> None:
        """Close the connections."""


class SqliteRecent:
    """Acts in an SQLite file.

    A crash of the machine can lose the last of them: they are in the event log, and `synchronous` stays off the way of
    the others.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._timeout_s = path, timeout_s
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []
        with self._connection() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS acts (user INTEGER, event_id TEXT, arrival_us INTEGER, act BLOB,"
                " PRIMARY KEY (user, event_id)) WITHOUT ROWID"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS acts_by_arrival ON acts (arrival_us)")

    def write(self, acts: Sequence[Act], arrival: datetime) -> None:
        """As RecentStore says."""
        at = _us(arrival)
        rows = [(act.user, act.event_id, at, act.dump()) for act in acts]
        with self._connection() as connection:
            connection.executemany("INSERT OR IGNORE INTO acts VALUES (?, ?, ?, ?)", rows)

    def read(self, user: int) -> list[Act]:
        """As RecentStore says."""
        query = "SELECT act FROM acts WHERE user = ? ORDER BY arrival_us DESC LIMIT ?"
        return [Act.load(act) for (act,) in self._connection().execute(query, (user, _MAX_ACTS))]

    def forget(self, before: datetime) -> None:
        """As RecentStore says."""
        with self._connection() as connection:
            connection.execute("DELETE FROM acts WHERE arrival_us < ?", (_us(before),))

    def close(self) -> None:
        """As RecentStore says."""
        for connection in self._all:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        found: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if found is None:
            # Closed by another thread at the end, when this one is gone.
            found = sqlite3.connect(self._path, timeout=self._timeout_s, check_same_thread=False)
            found.execute("PRAGMA journal_mode = WAL")
            found.execute("PRAGMA synchronous = OFF")
            self._mine.connection = found
            self._all.append(found)
        return found


class RedisRecent:
    """Acts in Redis: a sorted set per viewer, by arrival, which ends `keep` after the viewer's last act."""

    def __init__(self, url: str, keep: timedelta, timeout_s: float) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        host, port, options = _connection_of(url)
        self._redis: Any = redis.Redis(
            host=host,
            port=port,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1),  # for a connection that was idle too long; the caller has a breaker
            **options,
        )
        self._redis.ping()
        self._keep = keep
        self._since_us = 0

    def write(self, acts: Sequence[Act], arrival: datetime) -> None:
        """As RecentStore says."""
        at = _us(arrival)
        pipeline = self._redis.pipeline(transaction=False)
        for act in acts:
            pipeline.zadd(f"{_PREFIX}{act.user}", {act.dump(): at}, nx=True)
        for user in {act.user for act in acts}:
            pipeline.zremrangebyscore(f"{_PREFIX}{user}", "-inf", at - _micros(self._keep))
            pipeline.expire(f"{_PREFIX}{user}", self._keep)
        pipeline.execute()

    def read(self, user: int) -> list[Act]:
        """As RecentStore says."""
        newest = self._redis.zrevrangebyscore(f"{_PREFIX}{user}", "+inf", self._since_us, start=0, num=_MAX_ACTS)
        return [Act.load(act) for act in newest]

    def forget(self, before: datetime) -> None:
        """Read no act from before then; Redis itself frees them at the end of `keep`."""
        self._since_us = _us(before)

    def close(self) -> None:
        """As RecentStore says."""
        self._redis.close()


def open_recent_store(settings: Settings) -> RecentStore:
    """The store of the settings' profile, beside the online store. Raises what its client raises."""
    timeout_s = settings.serving.viewer_timeout_s
    if settings.features.online_url:
        return RedisRecent(settings.features.online_url, timedelta(hours=settings.serving.recent_h), timeout_s)
    return SqliteRecent(settings.feast_path / "recent.db", timeout_s)


def _connection_of(url: str) -> tuple[str, int, dict[str, Any]]:
    """Host, port and options of a `features.online_url`, as Feast reads it: `host:port,option=value`."""
    place, *options = url.split(",")
    host, _, port = place.rpartition(":")
    return host, int(port), {name: _value(value) for name, _, value in (option.partition("=") for option in options)}


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _us(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000)


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
