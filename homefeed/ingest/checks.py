"""The schema of the events as SQL expressions: whether a row breaks it, and why.

A check reads the declaration in `homefeed.schema.EVENTS`; what is declared there is checked here, and nothing else.
Sources differ only in their cells.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from homefeed.ids import MAX_ID_BYTES
from homefeed.ingest.cells import COLUMNS, Cell
from homefeed.schema import EVENTS, TIME, Column
from homefeed.settings.ingest import IngestSettings

_NOUNS = {
    pa.string(): "a string",
    pa.bool_(): "true or false",
    pa.int16(): "a whole number",
    pa.float32(): "a number",
    TIME: "ISO 8601 with an offset",
    pa.list_(pa.string()): "a list of strings",
}


def suspect(cells: Mapping[str, Cell], settings: IngestSettings) -> str:
    """SQL that is true for every row that breaks the schema, and for few others; `reason()` decides.

    Every row of an event type is suspect when the cells lack a column of that type. For speed there is no branch per
    event type: a column that the row's own type does not have is checked all the same.
    It reads the columns of `values()`, the source's own columns, and `latest`, the end of the arrival window.
    """
    known = {event_type: columns for event_type, columns in EVENTS.items() if cells.keys() >= {c.name for c in columns}}
    kinds = ", ".join(f"'{event_type}'" for event_type in known)
    absent = [
        f"v_type = '{event_type}' AND ({' OR '.join(f'v_{c.name} IS NULL' for c in columns if c.required)})"
        for event_type, columns in known.items()
    ]
    wrong = [
        condition
        for columns in known.values()
        for column in columns
        for condition, _ in [
            _empty(column, cells[column.name], "false"),
            *_checks(column, cells[column.name], settings),
        ]
    ]
    every = dict.fromkeys((f"v_type IS NULL OR v_type NOT IN ({kinds})", *absent, *wrong))
    return f"coalesce({' OR '.join(f'({condition})' for condition in every)}, false)"


def reason(cells: Mapping[str, Cell], settings: IngestSettings) -> str:
    """SQL of the first reason why a row breaks the schema, NULL when it does not; it reads what `suspect()` does."""
    known = ", ".join(EVENTS)
    branches = (
        f"WHEN v_type = '{event_type}' THEN CASE "
        + " ".join(f"WHEN {condition} THEN {why}" for condition, why in _column_checks(columns, cells, settings))
        + " END"
        for event_type, columns in EVENTS.items()
    )
    return (
        f"CASE WHEN v_type IS NULL THEN {_missing('type', cells['type'])} {' '.join(branches)} "
        f"ELSE {_quote('type: ')} || {_shown(cells['type'].text)} || {_quote(f' is none of {known}')} END"
    )


def _column_checks(
    columns: tuple[Column, ...], cells: Mapping[str, Cell], settings: IngestSettings
) -> Iterator[tuple[str, str]]:
    """The checks of an event type: the condition of a row that fails, and the sentence that says so."""
    for column in columns:
        cell = cells[column.name]
        yield _empty(column, cell, "true" if column.required else "false")
        yield from _checks(column, cell, settings)


def _empty(column: Column, cell: Cell, is_required: str) -> tuple[str, str]:
    """The column has no value, though it must have one, or though the sender wrote something."""
    name = f'"v_{column.name}"'
    return f"{name} IS NULL AND ({is_required} OR {cell.text} IS NOT NULL)", _missing(column.name, cell)


def _clock_checks(settings: IngestSettings) -> list[tuple[str, str]]:
    ahead = f"v_time > latest + to_microseconds({round(settings.max_future_s * 1e6)})"
    behind = f"v_time < latest - to_microseconds({round(settings.max_late_days * 86_400e6)})"
    column = COLUMNS["time"]
    return [
        _when(
            ahead, column, f"is more than {settings.max_future_s:g} s after it arrived; the sender''s clock is wrong"
        ),
        _when(
            behind,
            column,
            f"is more than {settings.max_late_days:g} days before it arrived; the sender''s clock is wrong",
        ),
    ]


def _checks(column: Column, cell: Cell, settings: IngestSettings) -> list[tuple[str, str]]:
    value = f'"v_{column.name}"'
    noun = _quote(f" is not {_NOUNS[column.type]}")
    checks = []
    if cell.wrong != "false":
        checks.append((cell.wrong, f"{_quote(column.name + ': ')} || {_shown(cell.text)} || {noun}"))
    if column.is_id:
        checks.append(
            _when(
                f"strlen({value}) NOT BETWEEN 1 AND {MAX_ID_BYTES}",
                column,
                f"is not an id of 1 to {MAX_ID_BYTES} bytes",
            )
        )
    if column.minimum is not None:
        checks.append(_when(f"{value} < {column.minimum!r}", column, f"is below {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(_when(f"{value} > {column.maximum!r}", column, f"is above {column.maximum:g}"))
    if column.choices:
        choices = ", ".join(f"'{c}'" for c in column.choices)
        checks.append(_when(f"{value} NOT IN ({choices})", column, f"is none of {', '.join(column.choices)}"))
    if column.name == "time":
        checks += _clock_checks(settings)
    if column.name == "seconds":
        checks.append(_when(f"v_seconds > {settings.max_watch_s!r}", column, f"is above {settings.max_watch_s:g}"))
    return checks


def _when(condition: str, column: Column, sentence: str) -> tuple[str, str]:
    shown = _shown(f'"v_{column.name}"::VARCHAR')
    return condition, f"'{column.name}: ' || {shown} || ' {sentence}'"


def _missing(name: str, cell: Cell) -> str:
    """Reason for a column without a value: it is absent, or what is there has another type."""
    noun = _quote(f" is not {_NOUNS[COLUMNS[name].type]}")
    return f"CASE WHEN {cell.text} IS NULL THEN '{name}: missing' ELSE '{name}: ' || {_shown(cell.text)} || {noun} END"


def _shown(text: str) -> str:
    return f"left({text}, 80)"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
