"""Five candidate sources. Each proposes rows of the snapshot; one that fails is left out and named as degraded."""

import logging
from collections.abc import Callable

import numpy as np

from serving.draft import Draft
from serving.exploration_uploads import due_uploads
from serving.snapshot import Rows

#: Rows, and for each the row of the watched video it was looked up for (-1: none).
Proposal = tuple[Rows, Rows]
_HOUR_US = 3_600_000_000
_logger = logging.getLogger(__name__)


def _unseeded(rows: Rows) -> Proposal:
    return rows, np.full(len(rows), -1, np.int64)


def subscriptions(draft: Draft) -> Proposal:
    """The newest videos of the channels that the viewer subscribes to, an equal number of each."""
    channels = np.unique(draft.viewer.keys("subscribed_channels"))
    limit = draft.settings.num_subscriptions
    per_channel = -(-limit // max(len(channels), 1))
    rows = draft.snapshot.of_channels(channels, per_channel)
    newest_first = np.argsort(-draft.snapshot.columns["uploaded"][rows], kind="stable")
    return _unseeded(rows[newest_first[:limit]])


def more_like(draft: Draft) -> Proposal:
    """Videos near the ones that the viewer watched last."""
    seeds = draft.snapshot.rows_of(draft.viewer.keys("history_videos")[::-1][: draft.settings.more_like_seeds])
    if draft.bundle is None or len(seeds) == 0:
        return _unseeded(np.empty(0, np.int64))
    per_seed = -(-draft.settings.num_more_like // len(seeds))
    # One search per watch, so that a page can say which of them a video resembles.
    found = [draft.bundle.similar(draft.snapshot.keys[[seed]], per_seed)[0] for seed in seeds]
    rows = [draft.snapshot.rows_of(keys) for keys in found]
    return np.concatenate(rows), np.repeat(seeds, [len(r) for r in rows])


def two_tower(draft: Draft) -> Proposal:
    """The nearest videos to the viewer's vector, from the index of the bundle."""
    if draft.bundle is None:
        return _unseeded(np.empty(0, np.int64))
    vector = draft.bundle.query(draft.viewer.row, draft.time)
    keys, _ = draft.bundle.search(vector, draft.settings.num_candidates)
    return _unseeded(draft.snapshot.rows_of(keys))


def trending(draft: Draft) -> Proposal:
    """The videos most watched now."""
    return _unseeded(draft.snapshot.trending[: draft.settings.num_trending])


def fresh(draft: Draft) -> Proposal:
    """New uploads: up to half of them from those that first impressions are due to, the others the newest.

    Each half prefers the viewer's language when it is known.
    """
    limit, newest = draft.settings.num_fresh, draft.snapshot.newest
    language = draft.viewer.row["language"]
    due = due_uploads(draft.snapshot, draft.settings).some(language, limit // 2, draft.rng("fresh"))
    oldest_us = draft.time_us - int(draft.settings.fresh_h * _HOUR_US)
    # `newest` is sorted by upload time, newest first, so the fresh ones are its head.
    num_fresh = np.searchsorted(-draft.snapshot.columns["uploaded"][newest], -oldest_us, side="right")
    rows = newest[:num_fresh]
    rows = rows[~np.isin(rows, due)]
    left = limit - len(due)
    mine = rows[draft.snapshot.columns["language"][rows] == language][: left // 2] if language else rows[:0]
    others = rows[~np.isin(rows, mine)]
    return _unseeded(np.concatenate([due, mine, others[: left - len(mine)]]))


#: A video that several sources propose belongs to the first of them: those that can say why come first.
SOURCES: tuple[tuple[str, Callable[[Draft], Proposal]], ...] = (
    ("subscriptions", subscriptions),
    ("more_like", more_like),
    ("two_tower", two_tower),
    ("trending", trending),
    ("fresh", fresh),
)
NAMES = tuple(name for name, _ in SOURCES)
TRENDING = NAMES.index("trending")


def gather(draft: Draft) -> None:
    """Ask every source; each video once."""
    rows, seeds, sources = [], [], []
    for position, (name, source) in enumerate(SOURCES):
        try:
            proposed, seed = source(draft)
        except Exception:  # a part that fails degrades the page, never the request
            _logger.exception("source %s failed for request %s", name, draft.request_id)
            draft.degraded.append(name)
            continue
        draft.counts[f"proposed_{name}"] = len(proposed)
        rows.append(proposed)
        seeds.append(seed)
        sources.append(np.full(len(proposed), position, np.int8))
    all_rows = np.concatenate(rows)
    _, first = np.unique(all_rows, return_index=True)
    first.sort()
    draft.rows = all_rows[first]
    draft.seed = np.concatenate(seeds)[first]
    draft.source = np.concatenate(sources)[first]
    draft.counts["removed_duplicate"] = len(all_rows) - len(first)
