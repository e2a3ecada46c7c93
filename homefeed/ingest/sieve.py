"""The sieve: rows of any source, with the value of every column, parted into good rows and rows with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from homefeed import windows
from homefeed.ingest.cells import COLUMNS, STORED, Cell, values
from homefeed.ingest.checks import reason, suspect
from homefeed.settings.ingest import IngestSettings

#: Reason of a line of white space, which is neither good nor bad. A filter instead would parse every line twice.
BLANK = "blank"
#: Longest piece of a broken row that the quarantine table keeps; the file has all of it.
_MAX_RAW = 4096


@dataclass
class Sieve:
    """What the rows of a batch have been checked into.

    Attributes:
      connection: holds the tables of checked rows.
      settings: limits of the checks.
      arrivals: the arrival windows; `arrival` in the tables is a position in this list.
      files: arrival and path of each file; `file` in the tables is a position in this list.
    """

    connection: duckdb.DuckDBPyConnection
    settings: IngestSettings
    arrivals: Sequence[str]
    files: Sequence[tuple[int, Path]]
    _unreadable: list[tuple[int, str]] = field(default_factory=list)
    _good: list[str] = field(default_factory=list)
    _bad: list[str] = field(default_factory=list)

    def refuse(self, file: int, why: str) -> None:
        """Put a whole file that cannot be read into quarantine."""
        self._unreadable.append((file, why))

    def check(
        self, source: str, cells: Mapping[str, Cell], raw: str, first: str = "", parameters: Sequence[object] = ()
    ) -> None:
        """Check the rows of `source`; every one is kept, with the reason why it is bad.

        Args:
          source: SELECT of file, line, arrival, `latest` and what the cells and `raw` read; and `spoilt`, which is true
            for a row that is bad whatever its cells hold.
          cells: how the columns are read.
          raw: SQL of what the quarantine keeps of a bad row.
          first: WHEN ... THEN reason, as many as there are, that come before the checks of the schema.
          parameters: those of the source.
        """
        why = reason(cells, self.settings)
        why = f"CASE {first} ELSE {why} END" if first else why
        extra = (
            f"line, CASE WHEN spoilt OR suspect THEN {why} END AS reason,"
            f" CASE WHEN spoilt OR suspect THEN left(({raw})::VARCHAR, {_MAX_RAW}) END AS raw"
        )
        name = self._fill(source, cells, extra, parameters)
        self._good.append(f"(FROM {name} WHERE reason IS NULL)")
        self._bad.append(name)

    def keep_clean_files(
        self, source: str, cells: Mapping[str, Cell], parameters: Sequence[object]
    ) -> dict[int, set[str]]:
        """Keep the rows of the files that have no suspect row, and nothing of the others.

        Args:
          source, cells, parameters: as for `check()`; the source has no line and no `spoilt`, and the
            cells may be those of some event types.

        Returns:
          The other files, and the types of their suspect rows.
        """
        name = self._fill(source, cells, "suspect", parameters)
        found = self.connection.execute(f"SELECT DISTINCT file, v_type FROM {name} WHERE suspect").fetchall()
        bad: dict[int, set[str]] = {}
        for file, event_type in found:
            bad.setdefault(file, set()).add(event_type)
        if bad:
            self.connection.execute(f"DELETE FROM {name} WHERE file IN ({', '.join(map(str, bad))})")
        # A line is only needed to tell two rows of a file apart.
        absent = "".join(f', NULL::{STORED[c]} AS "v_{c}"' for c in COLUMNS if c not in cells)
        self._good.append(f"(SELECT *, rowid AS line {absent} FROM {name})")
        return bad

    def _fill(self, source: str, cells: Mapping[str, Cell], extra: str, parameters: Sequence[object]) -> str:
        name = f"checked_{len(self._good)}"
        kept = ", ".join(f'TRY_CAST("v_{c}" AS {STORED[c]}) AS "v_{c}"' for c in cells)
        self.connection.execute(
            f"CREATE TEMP TABLE {name} AS SELECT file, arrival, {kept}, {extra} FROM"
            f" (SELECT *, {suspect(cells, self.settings)} AS suspect FROM (SELECT *, {values(cells)} FROM"
            f" (SELECT *, {self._latest()} AS latest FROM ({source}))))",
            list(parameters),
        ).fetchall()
        return name

    def _latest(self) -> str:
        """SQL of the end of a row's arrival window."""
        ends = [f"TIMESTAMPTZ '{windows.end(w):%Y-%m-%d %H:%M:%S}+00'" for w in self.arrivals]
        # One window is the common case, and a constant costs nothing per row.
        return ends[0] if len(ends) == 1 else f"list_extract([{', '.join(ends)}], arrival + 1)"

    def part(self) -> None:
        """Make the views `good` and `bad`; what was checked is not copied."""
        kept = ", ".join(f'"v_{name}" AS "{name}"' for name in COLUMNS)
        nothing = ", ".join(f'NULL::{STORED[name]} AS "v_{name}"' for name in COLUMNS)
        no_row = f"(SELECT 0::INT AS file, 0::BIGINT AS line, 0::INT AS arrival, {nothing} LIMIT 0)"
        good = (f"SELECT file, line, arrival, {kept} FROM {rows}" for rows in (no_row, *self._good))
        self.connection.execute(f"CREATE TEMP VIEW good AS {' UNION ALL '.join(good)}")
        self.connection.execute("CREATE TEMP TABLE unreadable (file INT, arrival INT, reason VARCHAR)")
        for file, why in self._unreadable:
            self.connection.execute("INSERT INTO unreadable VALUES (?, ?, ?)", [file, self.files[file][0], why])
        bad = (
            f"SELECT file, line, arrival, reason, rtrim(raw, e'\\r\\n') AS raw FROM {name} WHERE reason <> '{BLANK}'"
            for name in self._bad
        )
        whole = "SELECT file, 0::BIGINT AS line, arrival, reason, '' AS raw FROM unreadable"
        self.connection.execute(f"CREATE TEMP VIEW bad AS {' UNION ALL '.join((whole, *bad))}")
