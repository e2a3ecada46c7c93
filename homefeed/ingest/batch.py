"""A batch: the events of some arrival windows, read, checked and split into good rows and quarantine.

Every row of every file comes out exactly once, as a row of `good` or of `bad`, unless it is a blank line.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from homefeed.ingest.json_files import JSON_ENDINGS, read_json_files
from homefeed.ingest.parquet_files import PARQUET_ENDING, read_parquet_files
from homefeed.ingest.sieve import Sieve
from homefeed.settings.ingest import IngestSettings


def connect(settings: IngestSettings, spill: Path) -> duckdb.DuckDBPyConnection:
    """A connection in UTC that spills to `spill` when memory is short."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # What is read here is sorted before it is written.
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET temp_directory = ?", [str(spill)])
    connection.execute(f"SET memory_limit = '{settings.memory_mib:.0f}MiB'")
    return connection


def read_batch(
    connection: duckdb.DuckDBPyConnection,
    settings: IngestSettings,
    arrivals: Sequence[str],
    files: Sequence[tuple[int, Path]],
) -> None:
    """Make the views `good` (file, line, arrival, every event column) and `bad` (file, line, arrival, reason, raw).

    Args:
      connection: from `connect()`.
      settings: limits of the checks.
      arrivals: the arrival windows; `arrival` in the views is a position in this list.
      files: their files, with the position of the window; `file` in the views is a position in this list.
    """
    sieve = Sieve(connection, settings, arrivals, files)
    known = (*JSON_ENDINGS, PARQUET_ENDING)
    for file, (_, path) in enumerate(files):
        if path.suffix not in known:
            sieve.refuse(file, f"unknown format {path.suffix or path.name!r}; known are {', '.join(known)}")
    read_json_files(sieve, [file for file, (_, path) in enumerate(files) if path.suffix in JSON_ENDINGS])
    read_parquet_files(sieve, [file for file, (_, path) in enumerate(files) if path.suffix == PARQUET_ENDING])
    sieve.part()
