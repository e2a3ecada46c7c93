"""Events of our own schema, as JSON lines or Parquet: how a site brings its own history.

Rows are only sorted into arrival windows here. What is wrong with them is for ingestion to say, in quarantine.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from homefeed.importers.errors import ImportLogError
from homefeed.importers.shelf import Shelf
from homefeed.ingest.json_files import JSON_ENDINGS
from homefeed.ingest.lines import read_lines

_PARQUET = ".parquet"
#: Longest stretch before the end that gets windows of its own; older rows arrive in the oldest window.
_MAX_SPAN = timedelta(days=366)
_WATCH = "SELECT \"user\", video, seconds, time FROM rows WHERE type = 'watch' AND time IS NOT NULL"
_JSON_COLUMNS = """
  SELECT file, line, raw, broken, p.event_id, p.type, TRY_CAST(p.time AS TIMESTAMPTZ) AS time, p."user", p.video,
         TRY_CAST(p.seconds AS FLOAT) AS seconds, p.kind
  FROM (SELECT *, TRY(json_transform(raw,
    '{"event_id":"VARCHAR","type":"VARCHAR","time":"VARCHAR","user":"VARCHAR","video":"VARCHAR","seconds":"DOUBLE","kind":"VARCHAR"}'
  )) AS p FROM lines)
"""


@dataclass(frozen=True)
class OwnEvents:
    """Files of events.

    Attributes:
      path: a file, or a folder of files that end in .jsonl, .ndjson, .json or .parquet.
      end: later events arrive in the window of this time.
    """

    path: Path
    end: datetime

    def files(self) -> list[Path]:
        """The files, in order of name. Raises ImportLogError when there is none."""
        endings = (*JSON_ENDINGS, _PARQUET)
        found = [self.path] if self.path.is_file() else sorted(f for f in self.path.iterdir() if f.suffix in endings)
        if not found:
            raise ImportLogError(f"{self.path} has no file that ends in {', '.join(endings)}")
        if found[0].suffix not in endings:
            raise ImportLogError(f"{found[0]}: unknown format {found[0].suffix!r}; known are {', '.join(endings)}")
        return found

    def write(self, shelf: Shelf, holdout_share: float) -> tuple[dict[str, int], pa.Table]:
        """Put every row on the shelf except those that are held out.

        Returns:
          Number of events by type, and held-out watches: user, video, seconds, liked, in order of time.

        Raises:
          ImportLogError: a file cannot be read, or there is no event at all.
        """
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            files = self.files()
            for number, file in enumerate(files):
                self._load(connection, number, file)
            loaded = " UNION ALL BY NAME ".join(f"SELECT file, line, {_KEPT} FROM rows_{n}" for n in range(len(files)))
            connection.execute(f"CREATE TEMP VIEW rows AS {loaded}")
            counts = dict(
                connection.execute(
                    "SELECT coalesce(type, 'unknown'), count(*) FROM rows GROUP BY 1 ORDER BY 1"
                ).fetchall()
            )
            if not counts:
                raise ImportLogError(f"the log at {self.path} is empty: it has no events")
            cut = self._cut(connection, holdout_share)
            for number, file in enumerate(files):
                self._put(connection, shelf, number, file, cut)
            holdout = connection.sql(
                "SELECT w.*, EXISTS (FROM rows f WHERE f.type = 'feedback' AND f.kind = 'like'"
                ' AND f."user" = w."user"'
                f" AND f.video = w.video AND f.time >= w.time) AS liked FROM ({_WATCH}) w"
                " WHERE time >= ? ORDER BY time",
                params=[cut],
            ).to_arrow_table()
        return counts, holdout.select(["user", "video", "seconds", "liked"])

    def _load(self, connection: duckdb.DuckDBPyConnection, number: int, file: Path) -> None:
        try:
            if file.suffix == _PARQUET:
                found = [c for (c, *_) in connection.execute("DESCRIBE FROM read_parquet(?)", [str(file)]).fetchall()]
                if "time" not in found or "type" not in found:
                    raise ImportLogError(f"{file} has no column `time` or `type`; docs/events.md lists the columns")
                columns = ", ".join(
                    f"TRY_CAST({_quoted(name) if name in found else 'NULL'} AS {kind}) AS {_quoted(name)}"
                    for name, kind in _TYPES.items()
                )
                connection.execute(
                    f"CREATE TEMP TABLE rows_{number} AS SELECT {number} AS file, file_row_number AS line, {columns}"
                    " FROM read_parquet(?, file_row_number = true)",
                    [str(file)],
                )
                return
            connection.register("lines", read_lines(file, number, 0))
            connection.execute(
                f"CREATE TEMP TABLE rows_{number} AS SELECT * FROM ({_JSON_COLUMNS})"
                " WHERE trim(raw, e' \\t\\r\\n') <> ''"
            )
            connection.unregister("lines")
        except (duckdb.Error, OSError) as error:
            raise ImportLogError(f"{file} cannot be read: {str(error)[:300]}") from error

    def _cut(self, connection: duckdb.DuckDBPyConnection, holdout_share: float) -> datetime:
        """Time from which rows are held out."""
        if not holdout_share:
            return datetime.max.replace(tzinfo=self.end.tzinfo)
        found = connection.execute(f"SELECT quantile_disc(time, ?) FROM ({_WATCH})", [1 - holdout_share]).fetchone()
        if found is None or found[0] is None:
            raise ImportLogError(f"{self.path} has no watches to hold out")
        return found[0]  # type: ignore[no-any-return]

    def _put(self, connection: duckdb.DuckDBPyConnection, shelf: Shelf, number: int, file: Path, cut: datetime) -> None:
        """A row without a time that can be read arrives at the end, and ingestion says what is wrong with it.

        Text that is not UTF-8 stays so, by a byte in front of it, for quarantine to see.
        """
        bounds = [self.end - _MAX_SPAN, self.end, cut]
        arrival = "least(greatest(coalesce(r.time, $2), $1), $2)"
        name = f"import-{file.stem}"
        if file.suffix != _PARQUET:
            lines = connection.sql(
                f"SELECT {arrival} AS time,"
                " CASE WHEN broken THEN '\\xFF'::BLOB || encode(raw) ELSE encode(raw) END AS raw"
                f" FROM rows_{number} r WHERE time IS NULL OR time < $3 ORDER BY line",
                params=bounds,
            )
            shelf.put_lines(name, lines.to_arrow_table())
            return
        rows = connection.sql(
            f"SELECT {arrival} AS arrival, t.* EXCLUDE (file_row_number)"
            " FROM read_parquet($4, file_row_number = true) t"
            f" JOIN rows_{number} r ON r.line = t.file_row_number WHERE r.time IS NULL OR r.time < $3 ORDER BY r.line",
            params=[*bounds, str(file)],
        ).to_arrow_table()
        shelf.put(name, rows.drop_columns("arrival"), rows.column("arrival"))


_TYPES = {
    "event_id": "VARCHAR",
    "type": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "user": "VARCHAR",
    "video": "VARCHAR",
    "seconds": "FLOAT",
    "kind": "VARCHAR",
}
_KEPT = ", ".join(f'"{name}"' for name in _TYPES)


def _quoted(name: str) -> str:
    """SQL name of a column; `user` is a word of the language otherwise."""
    return f'"{name}"'
