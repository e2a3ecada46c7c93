"""Files of JSON lines on their way into the sieve.

A file whose every line is good is read at the speed of DuckDB's JSON reader, which does not say where it stands in a
file. Any other file is read again line by line, by the same reader and with the same checks, for line and reason.
"""

from collections.abc import Collection, Sequence

import duckdb
import pyarrow as pa

from homefeed.ingest.cells import json_cells, json_structure, json_types
from homefeed.ingest.lines import read_lines
from homefeed.ingest.sieve import BLANK, Sieve
from homefeed.schema import EVENTS

#: Endings of the files that are read as JSON lines.
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
#: In the name of a file these would stand for other names.
_WILD = frozenset("*?[")
_OPTIONS = (
    "format = 'newline_delimited', ignore_errors = true, auto_detect = false, compression = 'none',"
    " hive_partitioning = false"
)
#: Rows that are looked at for the event types that are common.
_NUM_FIRST = 10_000
_BUFFER = 1 << 20
#: White space around an object, as DuckDB's reader of files knows it.
_SPACE = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"


def read_json_files(sieve: Sieve, files: Sequence[int]) -> None:
    """Put the rows of JSON files, given by their numbers, into the sieve."""
    plain = [file for file in files if not _WILD & set(str(sieve.files[file][1]))]
    exact = set(files) - set(plain)
    if plain:
        # Columns of event types that do not come would cost as much to fill with nulls as others with values.
        common = _first_types(sieve, plain)
        rest = _read_whole(sieve, plain, common)
        rare = [file for file, types in rest.items() if types & (EVENTS.keys() - common)]
        if rare:
            rest = {file: types for file, types in rest.items() if file not in rare} | _read_whole(
                sieve, rare, set(EVENTS)
            )
        exact |= rest.keys()
    lines = [read_lines(sieve.files[file][1], file, sieve.files[file][0]) for file in sorted(exact)]
    if lines:
        _read_by_line(sieve, pa.concat_tables(lines))


def _first_types(sieve: Sieve, files: Sequence[int]) -> set[str]:
    """Event types among the first rows of the files; every type when there is none."""
    paths = [str(sieve.files[file][1]) for file in files]
    # The reader takes whole buffers, whose size follows from that of the largest object.
    small = f"{_OPTIONS}, maximum_object_size = {_BUFFER}"
    rows = f"SELECT type FROM read_json(?, columns = {{type: 'VARCHAR'}}, {small}) LIMIT {_NUM_FIRST}"
    try:
        found = sieve.connection.execute(f"SELECT DISTINCT type FROM ({rows})", [paths]).fetchall()
    except duckdb.InvalidInputException:  # a long line, as in `_read_whole`
        return set(EVENTS)
    return {event_type for (event_type,) in found} & EVENTS.keys() or set(EVENTS)


def _read_whole(sieve: Sieve, files: Sequence[int], types: Collection[str]) -> dict[int, set[str]]:
    """Read files of some event types as a whole; returns those with other rows, and the types of these rows."""
    columns = list(dict.fromkeys(c.name for event_type in EVENTS if event_type in types for c in EVENTS[event_type]))
    arrivals = [sieve.files[file][0] for file in files]
    source = (
        f"SELECT *, list_extract({list(files)}, file_index::BIGINT + 1)::INT AS file,"
        f" list_extract({arrivals}, file_index::BIGINT + 1)::INT AS arrival FROM (SELECT *, file_index FROM"
        f" read_json(?, columns = {json_types(columns)}, {_OPTIONS})) p"
    )
    try:
        return sieve.keep_clean_files(source, json_cells(columns), [[str(sieve.files[file][1]) for file in files]])
    except duckdb.InvalidInputException:  # a line is longer than the reader's buffer
        return {file: set() for file in files}


def _read_by_line(sieve: Sieve, lines: pa.Table) -> None:
    sieve.connection.register("lines", lines)
    source = (
        f"SELECT *, TRY(json_transform(trim(raw, {_SPACE}), '{json_structure()}')) AS p"
        " FROM (SELECT * RENAME (broken AS spoilt) FROM lines)"
    )
    not_json = (
        f"WHEN spoilt THEN 'not UTF-8' WHEN p IS NULL THEN CASE WHEN trim(raw, {_SPACE}) = ''"
        f" THEN '{BLANK}' WHEN right(raw, 1) <> chr(10)"
        " THEN 'not JSON: the last line is torn' ELSE 'not JSON' END"
        f" WHEN left(ltrim(raw, {_SPACE}), 1) <> '{{' THEN 'not a JSON object'"
    )
    sieve.check(source, json_cells(prefix="p.", raw="raw"), "raw", not_json)
    sieve.connection.unregister("lines")
