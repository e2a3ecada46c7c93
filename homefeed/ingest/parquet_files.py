"""Parquet files on their way into the sieve: of one event type, or of several with nulls; columns by name."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from homefeed.ingest.cells import COLUMNS, parquet_cells
from homefeed.ingest.sieve import Sieve

PARQUET_ENDING = ".parquet"


def read_parquet_files(sieve: Sieve, files: Sequence[int]) -> None:
    """Put the rows of Parquet files, given by their numbers, into the sieve."""
    groups: dict[pa.Schema, list[int]] = {}
    for file in files:
        try:
            groups.setdefault(pq.read_schema(sieve.files[file][1]).remove_metadata(), []).append(file)
        except (pa.ArrowException, OSError) as error:
            sieve.refuse(file, f"not a Parquet file: {str(error)[:200]}")
    for schema, alike in groups.items():
        _read(sieve, schema, alike)


def _read(sieve: Sieve, schema: pa.Schema, files: Sequence[int]) -> None:
    try:
        _read_all(sieve, schema, files)
    except duckdb.Error as error:
        if len(files) == 1:
            sieve.refuse(files[0], f"the Parquet file cannot be read: {str(error)[:200]}")
            return
        for file in files:
            _read(sieve, schema, [file])


def _read_all(sieve: Sieve, schema: pa.Schema, files: Sequence[int]) -> None:
    paths = {file: str(sieve.files[file][1]) for file in files}
    named = pa.table(
        {
            "__path": list(paths.values()),
            "file": pa.array(list(paths), pa.int32()),
            "arrival": pa.array([sieve.files[f][0] for f in paths], pa.int32()),
        }
    )
    sieve.connection.register("named", named)
    known = [name for name in COLUMNS if name in schema.names]
    columns = "".join(f', t."{name}"' for name in known)
    struct = ", ".join(f'"{name}" := t."{name}"' for name in known) or "empty := true"
    source = (
        "SELECT named.file, t.__row + 1 AS line, arrival, false AS spoilt,"
        f" struct_pack({struct}) AS p {columns}"
        " FROM (SELECT *, filename AS __path, file_row_number AS __row FROM"
        " read_parquet(?, filename = true, file_row_number = true, hive_partitioning = false)) t"
        " JOIN named USING (__path)"
    )
    try:
        sieve.check(source, parquet_cells(schema), "to_json(p)", parameters=[list(paths.values())])
    finally:
        sieve.connection.unregister("named")
