"""One column of an event or a table: its type, what it may hold, and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
      name: name in JSON, Arrow and SQL alike.
      type: Arrow type of the stored value.
      doc: one sentence for `docs/events.md`.
      sample: a JSON value for the generated sample.
      required: a row without it is quarantined.
      minimum, maximum: inclusive range of a number.
      choices: the known values of an enumeration.
      is_id: an opaque string of 1 to 64 bytes.
    """

    name: str
    type: pa.DataType
    doc: str
    sample: Any = None
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    is_id: bool = False


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow schema of `columns`; only required columns are non-null."""
    return pa.schema([pa.field(c.name, c.type, nullable=not c.required) for c in columns])
