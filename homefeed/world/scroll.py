"""What viewers see of pages that a service answered: impression events that echo how each slot was chosen."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from homefeed.schema import EVENTS, TIME, arrow_schema
from homefeed.world.activity import scrolled, slots_of

Event = dict[str, Any]
_ECHOED = ("video", "slot", "source", "score", "propensity", "explored")


def impressions(
    users: Sequence[str], pages: Sequence[dict[str, Any]], time: datetime, slots_seen: float, rng: np.random.Generator
) -> pa.Table:
    """Impressions of the slots that are scrolled to, without `event_id`.

    Args:
      users: who sees each page, shape [pages].
      pages: answers of `POST /recommend`; a `device` in one says what it is shown on.
      time: when the pages are opened.
      slots_seen: mean slots that a viewer scrolls to.
      rng: source of depth and pace.

    Returns:
      Columns of the impression event and `visit`, the row of the page; shape [slots seen].
    """
    none = np.zeros(len(pages), np.int64)
    start_us = none + round(time.timestamp() * 1e6)
    made = scrolled(slots_seen, none, start_us, none.astype(np.int8), rng)
    length = np.array([len(page["videos"]) for page in pages], np.int64)
    visit, slot = slots_of(np.minimum(made.depth, length))
    shown = [pages[v]["videos"][s] for v, s in zip(visit.tolist(), slot.tolist(), strict=True)]
    types = {c.name: c.type for c in EVENTS["impression"]}
    columns = {name: pa.array([s[name] for s in shown], types[name]) for name in _ECHOED}
    per_page = {
        "user": list(users),
        "request_id": [page["request_id"] for page in pages],
        "device": [page.get("device", "other") for page in pages],
        "release": [page["release"] or None for page in pages],
    }
    columns |= {name: pa.array(values, pa.string()).take(pa.array(visit)) for name, values in per_page.items()}
    columns["time"] = pa.array(start_us[visit] + slot * made.pace_us[visit], pa.int64()).cast(TIME)
    columns |= {"type": pa.repeat("impression", len(shown)), "surface": pa.repeat("home", len(shown))}
    names = [f.name for f in arrow_schema(EVENTS["impression"]) if f.name in columns]
    return pa.table({name: columns[name] for name in names} | {"visit": pa.array(visit)})


def events(table: pa.Table) -> list[Event]:
    """Rows as JSON objects: nulls left out, times in ISO 8601 UTC with microseconds, so that they sort as text."""
    times = [c for c in ("time", "uploaded") if c in table.column_names]
    rows: list[Event] = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    for row in rows:
        for name in times:
            row[name] = row[name].isoformat(timespec="microseconds")
    return rows
