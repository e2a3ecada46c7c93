"""What the rules look at: measurements with labels, and which of them could not be taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Measurement:
    """One value.

    Attributes:
      measure: its name, such as `age_s`.
      labels: what it is of; the same labels are the same thing at every reading.
      value: None when there is no data: an alert then neither begins nor ends.
      affected, done: better words than the rule's own for who notices and what the platform did; empty for the rule's.
      evidence: path or URL of the report behind the value.
      history: (time, value) of earlier looks, oldest first, where the source knows them; else the alert keeps its own.
    """

    measure: str
    labels: dict[str, str]
    value: float | None
    affected: str = ""
    done: str = ""
    evidence: str = ""
    history: Sequence[tuple[datetime, float]] = ()


@dataclass(frozen=True)
class Reading:
    """Everything at one time.

    Attributes:
      measurements: what was measured. A thing that is not in it any more is gone, and its alerts resolve.
      unknown: measures that could not be read: their alerts stay as they are.
    """

    measurements: Sequence[Measurement]
    unknown: frozenset[str] = field(default=frozenset())
