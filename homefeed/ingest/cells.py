"""How a column of an event is read from a source: SQL of its value, of its text, and of whether its type is right."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from homefeed.schema import EVENTS, TIME, Column

#: Every column that any event type has, by name; a name has one type wherever it is used.
COLUMNS: dict[str, Column] = {c.name: c for columns in EVENTS.values() for c in columns}
_OFFSET = r"T\d\d:\d\d.*[+-]\d\d(:?\d\d)?$"
#: A JSON value that is not a string, as the JSON reader spells it where a string is wanted.
_NOT_TEXT = r"-?[0-9.eE+-]+|true|false|\[.*\]|\{.*\}"
_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int16(): "DOUBLE",
    pa.float32(): "DOUBLE",
    TIME: "TIMESTAMPTZ",
    pa.list_(pa.string()): "VARCHAR[]",
}
#: SQL type of a good value of each column.
STORED = {
    name: {pa.int16(): "SMALLINT", pa.float32(): "FLOAT"}.get(c.type, _SQL_TYPES[c.type]) for name, c in COLUMNS.items()
}


@dataclass(frozen=True)
class Cell:
    """How one column is read from a source; each attribute is SQL.

    Attributes:
      value: the value in its own type, NULL when it has another.
      text: what the sender wrote, as text; NULL when the column is absent.
      wrong: true when `value` is there and yet not of the right type.
    """

    value: str
    text: str
    wrong: str = "false"


def json_cells(columns: Iterable[str] = COLUMNS, prefix: str = "", raw: str = "") -> dict[str, Cell]:
    """Cells of JSON objects that were read with `json_types()`.

    Args:
      columns: those that were read.
      prefix: what stands before the name of a column, such as `p.` for those of the struct `p`.
      raw: column of the text of the object. Without it, a string that the reader may have made of another JSON value
        is wrong, whether it did or not.
    """
    return {name: _json_cell(COLUMNS[name], f'{prefix}"{name}"', raw) for name in columns}


def json_types(columns: Iterable[str] = COLUMNS) -> dict[str, str]:
    """What to read from an object: strings as text, and the rest as JSON text, which still shows its type."""
    return {name: "VARCHAR" if c.type in (pa.string(), TIME) else "JSON" for name in columns if (c := COLUMNS[name])}


def json_structure() -> str:
    """`json_types()` for `json_transform`."""
    return json.dumps(json_types())


def _json_cell(column: Column, field: str, raw: str) -> Cell:
    text = f"{field}::VARCHAR"
    if column.type == pa.string():
        return Cell(field, text, _not_text(column, field, raw))
    if column.type == TIME:
        return Cell(_time(field), text)
    if pa.types.is_list(column.type):
        others = f"list_filter(json_extract({field}, '$[*]'), lambda x: json_type(x) <> 'VARCHAR')"
        strings = f"json_type({field}) = 'ARRAY' AND len({others}) = 0"
        return Cell(f"""CASE WHEN {strings} THEN from_json({field}, '["VARCHAR"]') END""", text)
    return Cell(_number(column, text), text)


def _not_text(column: Column, field: str, raw: str) -> str:
    """The reader turns 42 and {"a": 1} into strings; only what looks like that is worth a second look at the text."""
    if column.choices or column.name == "type":
        return "false"
    second = f"json_type({raw}, '$.{column.name}') <> 'VARCHAR'" if raw else "true"
    # It begins with a digit, a sign or a bracket, or is a truth value. Comparisons of strings are the cheapest look.
    brackets = f"{field} >= '{{' OR ({field} >= '[' AND {field} < '\\')"
    look = f"{field} < ':' OR {brackets} OR {field} = 'true' OR {field} = 'false'"
    # WHEN sees the rows that the one before let through; AND would compute both sides for all rows.
    return (
        f"CASE WHEN {look} THEN CASE WHEN regexp_full_match({field}, '{_NOT_TEXT}', 's') THEN {second}"
        " ELSE false END ELSE false END"
    )


def parquet_cells(schema: pa.Schema) -> dict[str, Cell]:
    """Cells of a row of a Parquet file with `schema`; a column of another type is wrong wherever it has a value."""
    return {name: _parquet_cell(column, schema) for name, column in COLUMNS.items()}


def _parquet_cell(column: Column, schema: pa.Schema) -> Cell:
    null = f"NULL::{_SQL_TYPES[column.type]}"
    if column.name not in schema.names:
        return Cell(null, "NULL::VARCHAR")
    field, found = f'"{column.name}"', schema.field(column.name).type
    if pa.types.is_dictionary(found):
        found = found.value_type
    text = f"{field}::VARCHAR"
    if pa.types.is_null(found):
        return Cell(null, text)
    is_text = pa.types.is_string(found) or pa.types.is_large_string(found)
    if column.type == TIME:
        if pa.types.is_timestamp(found) and found.tz is not None:
            return Cell(f"{field}::TIMESTAMPTZ", text)
        return Cell(_time(field) if is_text else null, text)
    is_number = pa.types.is_integer(found) or pa.types.is_floating(found)
    fits = {
        pa.string(): is_text,
        pa.bool_(): pa.types.is_boolean(found),
        pa.int16(): is_number,
        pa.float32(): is_number,
        pa.list_(pa.string()): (pa.types.is_list(found) or pa.types.is_large_list(found))
        and any(t(found.value_type) for t in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)),
    }[column.type]
    if not fits:
        return Cell(null, text)
    if is_number:
        return Cell(_number(column, field), text)
    return Cell(f"{field}::{_SQL_TYPES[column.type]}", text)


def _number(column: Column, text: str) -> str:
    value = f"TRY_CAST({text} AS {_SQL_TYPES[column.type]})"
    if column.type == pa.bool_():
        return f"CASE WHEN {text} IN ('true', 'false') THEN {value} END"
    if column.type == pa.int16():
        return f"CASE WHEN {value} = trunc({value}) AND isfinite({value}) THEN {value} END"
    return f"CASE WHEN isfinite(TRY_CAST({value} AS FLOAT)) THEN {value} END"


def _time(field: str) -> str:
    has_offset = f"({field} LIKE '%T%:%Z' OR regexp_matches({field}, '{_OFFSET}'))"
    return f"CASE WHEN {has_offset} THEN TRY_CAST({field} AS TIMESTAMPTZ) END"


def values(cells: Mapping[str, Cell]) -> str:
    """SELECT list of the value of every cell, named `v_<column>`."""
    return ", ".join(f'{cells[name].value} AS "v_{name}"' for name in cells)
