"""What a training is about to read, as figures: volume of each window, copies, late and broken events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_repo.lake_tables import open_tables
from homefeed import windows
from homefeed.ingest.journal import Journal
from homefeed.registry import open_registry
from homefeed.settings import Settings

#: Windows of a week.
WEEK = 1008
#: Earlier weeks that a volume is compared with.
_WEEKS = 4


@dataclass(frozen=True)
class Inputs:
    """Figures of the newest w windows, oldest first.

    Attributes:
      windows: their names.
      impressions: [w] in the lake.
      ingested: [w] bool, whether ingestion has looked at the arrival window of that name. Where it has not, the
        platform was off, and an empty window says nothing about the site.
      earlier: [k, w] impressions of the same windows in each of the k weeks before that the lake holds whole.
      copies: impressions that are in the lake more than once, by event id or by viewer, video, time, page and
        slot.
      accepted, quarantined, late: events of the arrival windows; of those accepted, `late` arrived after the exposures
        of their window were published. Arrival windows that are mostly older events are left out of both: these were
        delivered on purpose, as a file of a past day is.
    """

    windows: list[str]
    impressions: NDArray[np.int64]
    ingested: NDArray[np.bool_]
    earlier: NDArray[np.int64]
    copies: int
    accepted: int
    quarantined: int
    late: int


def read_inputs(settings: Settings, window: str) -> Inputs:
    """Figures of the `rollout.contract_windows` windows that end with `window`; those before the first impression of
    all are left out."""
    num = settings.rollout.contract_windows
    first = windows.shift(window, 1 - num)
    with open_tables(settings) as tables:
        published = tables.lake.windows("impressions")
        begin = min(published, default=window)
        first = max(first, begin)
        names = windows.span(first, window)
        weeks = [week for week in range(1, _WEEKS + 1) if windows.shift(first, -week * WEEK) >= begin]
        oldest = windows.shift(first, -weeks[-1] * WEEK) if weeks else first
        counted = tables.table("impressions", oldest, window).group_by("window").aggregate(num=lambda t: t.count())
        counts = dict(zip(*(column.to_pylist() for column in tables.run(counted).columns), strict=True))
        rows = tables.table("impressions", first, window)
        by_act = rows.select("user", "video", "time", "request_id", "slot").distinct().count()
        whole, ids, acts = (int(tables.value(v)) for v in (rows.count(), rows.event_id.nunique(), by_act))
    recorded = {row.window: row for row in open_registry(settings.resolved_registry_url).ingests(first)}
    journal = Journal(settings.events_path / ".journal")
    entries = [entry for name in names if (entry := journal.read(name)) is not None]
    streamed = [entry for entry in entries if 2 * entry.late <= entry.accepted]
    return Inputs(
        windows=names,
        impressions=_column(counts, names),
        ingested=np.array([name in recorded for name in names]),
        earlier=np.array([_column(counts, _before(names, week)) for week in weeks], np.int64).reshape(-1, len(names)),
        copies=whole - min(ids, acts),
        accepted=sum(entry.accepted for entry in streamed),
        quarantined=sum(recorded[name].quarantined for name in names if name in recorded),
        late=sum(entry.late for entry in streamed),
    )


def _before(names: list[str], week: int) -> list[str]:
    return [windows.shift(name, -week * WEEK) for name in names]


def _column(counts: dict[str, int], names: list[str]) -> NDArray[np.int64]:
    return np.array([counts.get(name, 0) for name in names], np.int64)
