"""Erasure: a viewer leaves the lake and the online store, and it is kept who was erased, so that a gate can look.

What was said of the viewer is deleted: profile, state and aggregates. What the viewer did stays as the act of somebody
whom nobody knows, under a key drawn at random: aggregates of videos have counted it, and events that vanished under
them would look like features that know the future (gate G2).
Models hold no viewer: their vocabularies are of videos, channels, topics and profiles. The event log keeps what was
sent; a window that is ingested again brings its rows back, which gate G11 finds. Versions of the tables before the
erasure hold the rows until they are vacuumed.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from feature_repo.online import UserStore
from homefeed import ids, windows
from homefeed.lake import open_lake
from homefeed.schema import TABLES
from homefeed.settings import Settings

#: Tables of what viewers did: the rows stay, and are nobody's.
ACTS = ("impressions", "watches", "feedback", "exposures")
#: Tables with rows of a viewer, and the column that says when each happened.
TIMES = {
    name: "time" if "time" in schema.names else "event_timestamp"
    for name, schema in TABLES.items()
    if "user" in schema.names and name != "erasures"
}


@dataclass(frozen=True)
class Erasure:
    """What an erasure took away.

    Attributes:
      user: key of the viewer.
      rows: table -> rows that are not the viewer's any more; tables without any are left out.
      online: whether the online store knew the viewer.
    """

    user: int
    rows: dict[str, int]
    online: bool


@dataclass(frozen=True)
class Remains:
    """What is left of erased viewers.

    Attributes:
      num_erased: viewers who were erased.
      rows: table -> rows that happened up to the erasure of their viewer.
      online: keys of those of whom the online store knows something older.
    """

    num_erased: int
    rows: dict[str, int]
    online: tuple[int, ...]


def erase(settings: Settings, user: str, now: datetime) -> Erasure:
    """Erase one viewer by id. Doing it again takes away what came back, and is no error for one whom nobody knows."""
    lake, key = open_lake(settings.lake_path), ids.key(user)
    window = windows.window_of(now)
    kept = lake.read("erasures", (window, window))
    row = pa.Table.from_pylist([{"window": window, "user": key, "time": now}], schema=TABLES["erasures"])
    # First of all it is kept that it was wanted: when what follows fails, the gate sees what is left.
    lake.replace("erasures", [window], pa.concat_tables([kept, row]))
    mine, nobody = f"user = {key}", str(secrets.randbits(62))
    rows = {
        table: lake.update(table, mine, {"user": nobody}) if table in ACTS else lake.delete(table, mine)
        for table in TIMES
    }
    return Erasure(key, {table: num for table, num in rows.items() if num}, _forget(settings, key, now))


def _forget(settings: Settings, key: int, now: datetime) -> bool:
    """Whether the online store knew the viewer, of whom it knows nothing any more."""
    if not (settings.feast_path / "registry.db").exists():
        return False
    store = UserStore(settings)
    if not store.read_key(key)["known"]:
        return False
    store.forget(key, now)
    return True


def remains(settings: Settings) -> Remains:
    """What lake and online store still hold of viewers who were erased, of what happened up to then."""
    lake = open_lake(settings.lake_path)
    erased = lake.read("erasures")
    if not erased.num_rows:
        return Remains(0, {}, ())
    until = {row["user"]: row["time"] for row in erased.sort_by("time").to_pylist()}
    rows = {table: _rows_left(settings, table, until) for table in TIMES}
    return Remains(len(until), {table: num for table, num in rows.items() if num}, _online_left(settings, until))


def _rows_left(settings: Settings, table: str, until: dict[int, datetime]) -> int:
    from feature_repo.lake_tables import open_tables

    with open_tables(settings) as tables:
        if not tables.lake.files(table):
            return 0
        erased = tables.memory(pa.table({"user": [*until], "until": [*until.values()]}))
        rows = tables.table(table)
        # A row of state that was made after the erasure may hold what happened before it only if its viewer has one.
        left = rows.join(erased, "user").filter(lambda row: row[TIMES[table]] <= row.until).count()
        return int(tables.backend.to_pyarrow(left).as_py())


def _online_left(settings: Settings, until: dict[int, datetime]) -> tuple[int, ...]:
    if not (settings.feast_path / "registry.db").exists():
        return ()
    store = UserStore(settings)
    return tuple(key for key in until if _oldest(store.read_key(key)) <= until[key].timestamp() * 1e6)


def _oldest(row: dict[str, object]) -> float:
    """When the oldest watch that an online row knows of began [microseconds since 1970]; infinite without a row."""
    times: Sequence[int] = row["history_times"]  # type: ignore[assignment]
    return min(times, default=float("inf"))
