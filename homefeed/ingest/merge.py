"""Deduplication and merge: what the lake's windows hold once the good rows of a batch are in them.

An event counts once, however often and in whatever order its copies arrive. Of copies that differ, the one with the
smallest (time, table, content) counts, so the order of arrival does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa

from homefeed import windows
from homefeed.ids import KEY_SQL
from homefeed.lake import Lake
from homefeed.schema import EVENTS, TABLE_OF_EVENT

#: What an absent optional value means, where NULL would make every filter on it a riddle.
_ABSENT = {"explored": "false", "synthesised": "false", "withdrawn": "false", "min_age": "0"}
_EMPTY_LIST = "[]"
#: Columns whose ids are stored as keys.
_KEYED = ("user", "video", "channel")
#: Columns of the lake that another column of the event is stored in: as its string beside its key.
_STRING_OF = {"video_id": "video", "channel_id": "channel", "user_id": "user"}


@dataclass(frozen=True)
class Change:
    """New content of one table.

    Attributes:
      table: name of the table.
      windows: the event windows that are replaced.
      rows: everything they hold, sorted by time and event id within a window.
    """

    table: str
    windows: list[str]
    rows: pa.Table


@dataclass(frozen=True)
class Merge:
    """The good rows of a batch against the lake, on the connection that holds the view `good`.

    Attributes:
      connection: as `read_batch()` left it.
      lake: the lake as it stands.
      horizon: windows around the batch in which copies are looked for.
    """

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    horizon: int

    def prepare(self) -> None:
        """Make the tables that `changes()` and `counts()` read: `names`, `accepted`, `tally` and `removed`.

        `accepted` holds the good rows that become new rows of the lake, by (file, line). `removed` (event_id, table,
        window, arrival) holds rows of the lake that an older copy in the batch replaces.
        """
        self.lake.attach(self.connection)
        self.connection.execute(
            "CREATE TEMP TABLE spread AS SELECT DISTINCT epoch_us(time) // 600000000 AS number FROM good"
        )
        numbers = [n for (n,) in self.connection.execute("SELECT number FROM spread ORDER BY number").fetchall()]
        names = pa.table(
            {"number": pa.array(numbers, pa.int64()), "window": pa.array(map(_name, numbers), pa.string())}
        )
        # As tables, whose sizes the planner knows: it hashes these, and not the events.
        self.connection.register("names_found", names)
        self.connection.execute("CREATE TEMP TABLE names AS FROM names_found")
        # The same few ids come again and again, and a key costs more than a join.
        ids = " UNION ".join(f'SELECT "{n}" AS id FROM good WHERE "{n}" IS NOT NULL' for n in _KEYED)
        self.connection.execute(f"CREATE TEMP TABLE keys AS SELECT id, {KEY_SQL.format('id')} AS key FROM ({ids})")
        self._find_copies(names.column("window").to_pylist())

    def _find_copies(self, event_windows: Sequence[str]) -> None:
        """Fill `copies` with every copy of an event that has more than one, in the batch or in the lake."""
        known = [self._stored(event_type, event_windows) for event_type in EVENTS] if event_windows else []
        stored = " UNION ALL ".join(sql for sql in known if sql) or "SELECT NULL::VARCHAR AS event_id LIMIT 0"
        self.connection.execute(
            "CREATE TEMP TABLE repeated AS SELECT event_id FROM good GROUP BY event_id HAVING count(*) > 1"
            f" UNION SELECT event_id FROM ({stored}) SEMI JOIN good USING (event_id)"
        )
        self.connection.execute("CREATE TEMP TABLE again AS FROM good SEMI JOIN repeated USING (event_id)")
        copies = [self._new_copies(event_type) for event_type in EVENTS]
        copies += [
            sql for event_type in EVENTS if event_windows and (sql := self._old_copies(event_type, event_windows))
        ]
        self.connection.execute(
            "CREATE TEMP TABLE copies AS SELECT *, row_number() OVER ("
            "PARTITION BY event_id ORDER BY time, tbl, content,"
            f" is_new, arrival, file, line) AS rank FROM ({' UNION ALL '.join(copies)})"
        )
        self.connection.execute(
            'CREATE TEMP TABLE removed AS SELECT o.event_id, o.tbl, o."window", n.arrival FROM copies o JOIN'
            " (SELECT event_id, min(arrival) AS arrival FROM copies WHERE is_new GROUP BY event_id) n USING (event_id)"
            " WHERE NOT o.is_new AND o.rank > 1"
        )
        self.connection.execute("CREATE TEMP TABLE losers AS SELECT file, line FROM copies WHERE is_new AND rank > 1")
        self.connection.execute("CREATE TEMP VIEW accepted AS FROM good ANTI JOIN losers USING (file, line)")
        self.connection.execute(
            "CREATE TEMP TABLE tally AS SELECT arrival, type, epoch_us(time) // 600000000 AS number, count(*) AS num"
            " FROM accepted GROUP BY ALL"
        )

    def _new_copies(self, event_type: str) -> str:
        source = "again JOIN names ON number = epoch_us(time) // 600000000"
        rows = self._lake_rows(event_type, source, 'arrival, file, line, names."window", ')
        return _copy(TABLE_OF_EVENT[event_type], self.lake, rows, "true", "arrival, file, line")

    def _old_copies(self, event_type: str, event_windows: Sequence[str]) -> str:
        files = self._files_around(event_type, event_windows)
        if not files:
            return ""
        rows = f"SELECT * FROM {_parquet(files)} SEMI JOIN repeated USING (event_id)"
        nowhere = "NULL::INT AS arrival, NULL::INT AS file, NULL::BIGINT AS line"
        return _copy(TABLE_OF_EVENT[event_type], self.lake, rows, "false", nowhere)

    def _stored(self, event_type: str, event_windows: Sequence[str]) -> str:
        files = self._files_around(event_type, event_windows)
        return f"SELECT event_id FROM {_parquet(files)}" if files else ""

    def _files_around(self, event_type: str, event_windows: Sequence[str]) -> list[str]:
        near = windows.shift(event_windows[0], -self.horizon), windows.shift(event_windows[-1], self.horizon)
        return self.lake.files(TABLE_OF_EVENT[event_type], near)

    def changes(self) -> list[Change]:
        """The windows of each table that get other content than they have; tables without any are left out."""
        found = (self._change(event_type, table) for event_type, table in TABLE_OF_EVENT.items())
        return [change for change in found if change is not None]

    def _change(self, event_type: str, table: str) -> Change | None:
        affected = self.connection.execute(
            'SELECT "window" FROM names WHERE number IN (SELECT number FROM tally WHERE type = ?)'
            ' UNION SELECT "window" FROM removed WHERE tbl = ? ORDER BY 1',
            [event_type, table],
        ).fetchall()
        if not affected:
            return None
        replaced = [w for (w,) in affected]
        columns = ", ".join(f'"{name}"' for name in self.lake.schemas[table].names if name != "window")
        rows = self._lake_rows(event_type, "accepted")
        wanted = set(replaced)
        files = [f for f in self.lake.files(table, (replaced[0], replaced[-1])) if windows.of_file(f) in wanted]
        if files:
            gone = f"(SELECT * FROM removed WHERE tbl = '{table}') r"
            rows += f' UNION ALL SELECT {columns} FROM {_parquet(files)} ANTI JOIN {gone} USING (event_id, "window")'
        merged = self.connection.sql(f"SELECT {columns} FROM ({rows}) ORDER BY time, event_id").to_arrow_table()
        # In one chunk, because the Delta writer keeps the order of rows within a chunk only.
        return Change(table, replaced, _with_window(merged.combine_chunks()))

    def _lake_rows(self, event_type: str, source: str, extra: str = "") -> str:
        """SELECT of the rows of one event type in the form that the lake keeps, without their window."""
        schema = self.lake.schemas[TABLE_OF_EVENT[event_type]]
        columns = ", ".join(f'{_stored_value(f)} AS "{f.name}"' for f in schema if f.name != "window")
        keyed = "".join(f' JOIN keys {n}_key ON {n}_key.id = "{n}"' for n in _KEYED if n in schema.names)
        return f"SELECT {extra}{columns} FROM {source}{keyed} WHERE type = '{event_type}'"

    def late(self, arrivals: Sequence[str]) -> dict[int, int]:
        """Per arrival window of `arrivals`: new rows whose event window lies two windows back or more."""
        rows = self.connection.execute("SELECT arrival, number, sum(num)::BIGINT FROM tally GROUP BY ALL").fetchall()
        starts = [int(windows.start(arrival).timestamp()) // windows.WINDOW_S for arrival in arrivals]
        found: dict[int, int] = dict.fromkeys(range(len(arrivals)), 0)
        for arrival, number, num in rows:
            found[arrival] += num if number <= starts[arrival] - 2 else 0
        return found

    def counts(self) -> dict[int, tuple[int, int, set[str]]]:
        """Per arrival window: good rows, those of them that are new to the lake, and the event windows they change."""
        rows = self.connection.execute(
            "SELECT g.arrival, g.num, coalesce(a.num, 0), coalesce(a.changed, []) FROM"
            " (SELECT arrival, count(*) AS num FROM good GROUP BY arrival) g LEFT JOIN"
            ' (SELECT arrival, sum(num)::BIGINT AS num, list(DISTINCT "window") AS changed FROM tally'
            "  JOIN names USING (number) GROUP BY arrival) a USING (arrival)"
        ).fetchall()
        counted = {arrival: (num, new, set(changed)) for arrival, num, new, changed in rows}
        for arrival, window in self.connection.execute('SELECT DISTINCT arrival, "window" FROM removed').fetchall():
            counted[arrival][2].add(window)
        return counted


def _copy(table: str, lake: Lake, rows: str, is_new: str, place: str) -> str:
    """SELECT of what decides between copies; `content` is the same text for the same row wherever it is."""
    struct = ", ".join(f'"{n}" := "{n}"' for n in lake.schemas[table].names)
    return (
        f"SELECT event_id, time, '{table}' AS tbl, \"window\", to_json(struct_pack({struct}))::VARCHAR AS content,"
        f" {is_new} AS is_new, {place} FROM ({rows})"
    )


def _with_window(rows: pa.Table) -> pa.Table:
    """Rows in order of time, and the window of each; as strings on their way through a sort they would cost much."""
    numbers = rows.column("time").cast(pa.int64()).to_numpy() // (windows.WINDOW_S * 1_000_000)
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    names = pa.array([_name(int(number)) for number in numbers[begins]], pa.string())
    places = np.repeat(np.arange(len(begins), dtype=np.int32), np.diff(begins, append=len(numbers)))
    return rows.append_column("window", names.take(pa.array(places)))


def _stored_value(field: pa.Field) -> str:
    name = field.name
    if name in _STRING_OF:
        return f'"{_STRING_OF[name]}"'
    if name in _KEYED:
        return f"{name}_key.key"
    if name == "blocked_channels":
        return f"list_transform(coalesce(blocked_channels, {_EMPTY_LIST}), lambda c: {KEY_SQL.format('c')})"
    if pa.types.is_list(field.type):
        return f'coalesce("{name}", {_EMPTY_LIST})'
    sql_type = {pa.int16(): "SMALLINT", pa.float32(): "FLOAT"}.get(field.type)
    value = f'"{name}"::{sql_type}' if sql_type else f'"{name}"'
    return f"coalesce({value}, {_ABSENT[name]})" if name in _ABSENT else value


def _parquet(files: Sequence[str]) -> str:
    listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'window': VARCHAR}})"


def _name(number: int) -> str:
    return windows.window_of(datetime.fromtimestamp(number * windows.WINDOW_S, UTC))
