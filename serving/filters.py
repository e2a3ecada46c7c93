"""What a viewer must not be shown. Each filter says which candidates it removes; a candidate counts for the first."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.membership import among
from serving.draft import Draft
from serving.sources import TRENDING

Columns = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]


def watched(draft: Draft, columns: Columns) -> Mask:
    """Videos that the viewer watched."""
    seen = np.concatenate([draft.viewer.keys("watched_videos"), draft.viewer.keys("history_videos")])
    return among(columns["video"], seen)


def dismissed(draft: Draft, columns: Columns) -> Mask:
    """Videos that the viewer did not want to see again."""
    return among(columns["video"], draft.viewer.keys("dismissed_videos"))


def blocked_channel(draft: Draft, columns: Columns) -> Mask:
    """Videos of channels that the viewer blocked."""
    return among(columns["channel"], draft.viewer.keys("blocked_channels"))


def age(draft: Draft, columns: Columns) -> Mask:
    """Videos for viewers older than this one; an unknown age is `serving.unknown_age`."""
    years = draft.viewer.row["age"]
    return np.asarray(columns["min_age"] > (draft.settings.unknown_age if years is None else years))


def country(draft: Draft, columns: Columns) -> Mask:
    """Videos that may not be shown where the viewer is; where that is unknown, every video that is limited."""
    return ~draft.snapshot.allowed_in(draft.viewer.row["country"])[columns["row"]]


def not_uploaded(draft: Draft, columns: Columns) -> Mask:
    """Videos that appear later than the request."""
    return np.asarray(columns["uploaded"] > draft.time_us)


FILTERS: tuple[tuple[str, Callable[[Draft, Columns], Mask]], ...] = (
    ("watched", watched),
    ("dismissed", dismissed),
    ("blocked_channel", blocked_channel),
    ("age", age),
    ("country", country),
    ("not_uploaded", not_uploaded),
)


def partition(draft: Draft, columns: Columns) -> tuple[Mask, dict[str, int]]:
    """Which candidates are kept, and how many each filter removed; kept and removed add up to all."""
    kept = np.ones(len(columns["row"]), bool)
    removed = {}
    for name, removes in FILTERS:
        mask = removes(draft, columns) & kept
        removed[f"removed_{name}"] = int(mask.sum())
        kept &= ~mask
    return kept, removed


def keep_servable(draft: Draft) -> None:
    """Remove what must not be shown; a page that would be too short is filled up from the rest of the catalogue."""
    kept, removed = partition(draft, draft.columns)
    draft.counts |= removed
    seen = draft.rows
    draft.keep(kept)
    missing = draft.request.num - len(draft.rows)
    if missing > 0 and len(seen) < len(draft.snapshot):
        _refill(draft, seen, missing)


def _refill(draft: Draft, seen: NDArray[np.int64], missing: int) -> None:
    unseen = np.ones(len(draft.snapshot), bool)
    unseen[seen] = False
    rest = draft.snapshot.trending[unseen[draft.snapshot.trending]]
    names = ("video", "channel", "min_age", "uploaded")
    servable, _ = partition(draft, {"row": rest, **{name: draft.snapshot.columns[name][rest] for name in names}})
    extra = rest[servable][:missing]
    draft.rows = np.concatenate([draft.rows, extra])
    draft.source = np.concatenate([draft.source, np.full(len(extra), TRENDING, np.int8)])
    draft.seed = np.concatenate([draft.seed, np.full(len(extra), -1, np.int64)])
    draft.place = np.concatenate([draft.place, np.ones(len(extra), np.float32)])
    draft.columns = draft.snapshot.take(draft.rows)
    draft.counts["refilled"] = len(extra)
