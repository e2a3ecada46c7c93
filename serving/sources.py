"""Five candidate sources. Each proposes rows of the snapshot; one that fails is left out and named as degraded."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait

import numpy as np

from models.membership import among, distinct
from serving.draft import Draft
from serving.exploration_uploads import due_uploads
from serving.shards import missed_shards
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
    # A search for each watch, so that a page can say which of them a video resembles.
    with missed_shards(draft.degraded):
        keys, places = draft.bundle.similar(draft.snapshot.keys[seeds], per_seed)
    rows = draft.snapshot.places_of(keys)
    return rows[rows >= 0], seeds[places[rows >= 0]]


def two_tower(draft: Draft) -> Proposal:
    """The nearest videos to the viewer's vector, from the index of the bundle."""
    if draft.bundle is None:
        return _unseeded(np.empty(0, np.int64))
    vector = draft.bundle.query(draft.viewer.row, draft.time)
    with missed_shards(draft.degraded):
        keys, _ = draft.bundle.search(vector, draft.settings.num_candidates)
    return _unseeded(draft.snapshot.rows_of(keys))


def trending(draft: Draft) -> Proposal:
    """The videos most watched now."""
    return _unseeded(draft.snapshot.trending[: draft.settings.num_trending])


def fresh(draft: Draft) -> Proposal:
    """New uploads: up to half of them from those that first impressions are due to, the others the newest.

    Each half prefers the viewer's language when it is known.
    """
    limit, language = draft.settings.num_fresh, draft.viewer.row["language"]
    oldest_us = draft.time_us - int(draft.settings.fresh_h * _HOUR_US)
    due = due_uploads(draft.snapshot, draft.settings).some(language, limit // 2, draft.rng("fresh"))
    left = limit - len(due)
    mine = due[:0]
    if language:
        spoken = draft.snapshot.uploaded_since(oldest_us, language)[: len(due) + left // 2]
        mine = spoken[~among(spoken, due)][: left // 2]
    # A day of uploads is long: only as many are looked at as can be needed.
    newest = draft.snapshot.uploaded_since(oldest_us)[:limit]
    others = newest[~among(newest, np.concatenate([due, mine]))]
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


#: Sources that ask an index or a model, and run beside the others.
_SLOW = ("two_tower", "more_like")
#: Sources that a page can do without when time is short.
_OPTIONAL = ("subscriptions", "more_like", "fresh")
#: Share of the deadline after which no further optional source is asked, and after which none is waited for.
_ASKED_BY, _WAITED_FOR = 0.2, 0.4


def gather(draft: Draft) -> None:
    """Ask every source; each video once. One that is late, or for which there is no time, is left out and named."""
    asked = [(name, source) for name, source in SOURCES if name not in draft.without]
    if draft.budget.left_s(_ASKED_BY) < 0:
        draft.degraded += [f"skipped_{name}" for name, _ in asked if name in _OPTIONAL]
        asked = [(name, source) for name, source in asked if name not in _OPTIONAL]
    side = {name: draft.pool.submit(source, draft) for name, source in asked if name in _SLOW} if draft.pool else {}
    found = {name: _proposal(name, source, draft) for name, source in asked if name not in side}
    found |= {name: _awaited(name, begun, draft) for name, begun in side.items()}
    rows, seeds, sources, places = [], [], [], []
    for position, name in enumerate(NAMES):
        proposal = found.get(name)
        if proposal is None:
            continue
        proposed, seed = proposal
        draft.counts[f"proposed_{name}"] = len(proposed)
        rows.append(proposed)
        seeds.append(seed)
        sources.append(np.full(len(proposed), position, np.int8))
        places.append(np.arange(len(proposed), dtype=np.float32) / max(len(proposed), 1))
    if not rows:
        return
    all_rows = np.concatenate(rows)
    first = distinct(all_rows)
    draft.rows, draft.place = all_rows[first], np.concatenate(places)[first].astype(np.float32)
    draft.seed = np.concatenate(seeds)[first]
    draft.source = np.concatenate(sources)[first]
    draft.counts["removed_duplicate"] = len(all_rows) - len(first)


def _proposal(name: str, source: Callable[[Draft], Proposal], draft: Draft) -> Proposal | None:
    try:
        return source(draft)
    except Exception:  # a part that fails degrades the page, never the request
        _logger.exception("source %s failed for request %s", name, draft.request_id)
        draft.degraded.append(name)
        return None


def _awaited(name: str, begun: "Future[Proposal]", draft: Draft) -> Proposal | None:
    left_s = draft.budget.left_s(_WAITED_FOR)
    wait([begun], None if left_s == float("inf") else max(left_s, 0.0))
    if not begun.done():
        begun.cancel()
        draft.degraded.append(f"late_{name}")
        return None
    return _proposal(name, lambda _: begun.result(), draft)
