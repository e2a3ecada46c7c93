"""Features that the service ranked by, held against those that training would read for the same viewers, videos and
times, from the same versions of the lake."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import ids, serving_log, windows
from homefeed.features import DENSE_FEATURES, RANKING_STATE, aggregate_columns
from homefeed.schema.column import TIME
from homefeed.settings import Settings

#: Two numbers are equal when they differ by no more than this, relative to the larger of the second one and 1.
TOLERANCE = 1e-6
_USER = np.isin(DENSE_FEATURES, aggregate_columns("user"))


@dataclass(frozen=True)
class Parity:
    """n logged vectors.

    Attributes:
      differs: [n, len(DENSE_FEATURES)] bool, where the service had another number than training.
      num_without: pages whose snapshot does not say what it was made from.
    """

    differs: NDArray[np.bool_]
    num_without: int = 0

    def __len__(self) -> int:
        return len(self.differs)

    @property
    def num_differing(self) -> int:
        """Vectors that differ in any column."""
        return int(self.differs.any(axis=1).sum())

    @property
    def worst(self) -> list[tuple[str, int]]:
        """Columns that differ anywhere, with the number of vectors, the most first."""
        counts = self.differs.sum(axis=0)
        return [(DENSE_FEATURES[at], int(counts[at])) for at in np.argsort(-counts, kind="stable") if counts[at]]


def measure_parity(settings: Settings, first: str, last: str, since: datetime, history_length: int) -> Parity:
    """Compare the newest logged vectors of pages made since `since`, in windows `first` to `last`.

    The aggregates of candidates are those of the page's snapshot. Those of the viewer may be one window newer, as the
    online store is written first. What depends on the moment is computed by training's code from the viewer as logged,
    who may have done something a moment before.

    Args:
      settings: at most `rollout.parity_pages` pages are compared.
      first, last: windows of the log.
      since: older pages are left out.
      history_length: watches that the ranker reads.
    """
    pages = serving_log.read(settings.serving_path, "features", first, last)
    pages = pages.filter(pc.greater_equal(pages["time"], pa.scalar(since, TIME)))
    known = pages.filter(pc.not_equal(pages["versions"], "")).sort_by([("time", "descending")])
    num_without = pages.num_rows - known.num_rows
    known = known.slice(0, settings.rollout.parity_pages)
    snapshots = set(zip(*(known[name].to_pylist() for name in ("window", "versions")), strict=True))
    differs = [
        _differs(settings, known.filter(_is(known, window, versions)), window, versions, history_length)
        for window, versions in sorted(snapshots)
    ]
    empty = np.zeros((0, len(DENSE_FEATURES)), bool)
    return Parity(np.concatenate([empty, *differs]), num_without)


def _is(pages: pa.Table, window: str, versions: str) -> Any:
    return pc.and_(pc.equal(pages["window"], window), pc.equal(pages["versions"], versions))


def _differs(settings: Settings, pages: pa.Table, window: str, versions: str, history_length: int) -> NDArray[np.bool_]:
    """Logged against recomputed vectors of the pages made from one snapshot, [n, len(DENSE_FEATURES)]."""
    from feature_repo.catalogue import catalogue
    from models.ranking.examples import training_inputs
    from models.video_table import video_table

    read = json.loads(versions)
    videos = catalogue(settings, windows.end(window), read)
    lists = pages["videos"].combine_chunks()
    of_page = pc.list_parent_indices(lists)
    logged = np.array(pages["dense"].combine_chunks().flatten().flatten(), np.float32).reshape(-1, len(DENSE_FEATURES))
    rows = (
        pages.select(["time", "device", *RANKING_STATE])
        .take(of_page)
        .append_column("user", ids.keys(pages["user"]).take(of_page))
    )
    asked = pa.table({"row": np.arange(rows.num_rows), "video": lists.flatten()})
    content = pa.table(
        {"video": videos["video"], "channel": videos["channel"], "topic": first_topics(videos["topics"])}
    )
    asked = asked.join(content, "video", join_type="left outer").sort_by("row")
    for name in ("video", "channel", "topic"):
        rows = rows.append_column(name, asked[name])
    table = video_table(videos)

    def vectors(at: str, of: dict[str, int] | None) -> NDArray[np.float32]:
        known = _features(settings, rows, at, of)
        return training_inputs(known, table, settings.features.history_length, history_length).dense

    same = _equal(logged, vectors(window, read))
    if not same[:, _USER].all():
        same[:, _USER] |= _equal(logged, vectors(windows.shift(window, 1), None))[:, _USER]
    return ~same


def first_topics(topics: pa.ChunkedArray) -> pa.Array:
    """The main topic of each video, null of one without."""
    lists = topics.combine_chunks()
    lengths = np.asarray(lists.value_lengths().fill_null(0))
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return lists.flatten().take(pa.array(begins, pa.int64(), mask=lengths == 0))


def _features(settings: Settings, rows: pa.Table, window: str, versions: dict[str, int] | None) -> pa.Table:
    """The rows with the aggregates at the end of `window`, as training joins them, and no slot."""
    from feature_repo.training_set import features_at

    asked = rows.select(["user", "video", "channel", "topic"])
    times = pa.array([windows.end(window)] * rows.num_rows, TIME)
    found = features_at(settings, asked.append_column("time", times), versions)
    for entity in ("user", "video", "channel", "topic"):
        for name in aggregate_columns(entity):
            rows = rows.append_column(name, found[name])
    return rows.append_column("slot", pa.array(np.zeros(rows.num_rows, np.int16)))


def _equal(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.bool_]:
    gap = np.abs(mine.astype(np.float64) - theirs)
    return np.asarray(gap <= TOLERANCE * np.maximum(np.abs(theirs), 1))
