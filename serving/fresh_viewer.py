"""A viewer with what happened since the row of the online store was made: the row that ingestion will make, early.

The same rules as `feature_repo.user_state`, so an act that the row holds already changes nothing. Aggregates stay those
of closed windows, as in training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feature_repo.exposures import FEEDBACK_TARGETS
from homefeed.settings.features import FeatureSettings
from serving.acts import Act
from serving.snapshot import Snapshot
from serving.viewer import Viewer

Keys = NDArray[np.int64]


def with_acts(viewer: Viewer, acts: Sequence[Act], snapshot: Snapshot, settings: FeatureSettings) -> Viewer:
    """The viewer after `acts`, in any order.

    A watch counts from `min_watch_s` on. Watches and subscriptions count for videos of the catalogue only: of others
    neither length nor channel is known. Two watches of one video that begin in the same microsecond are one.
    """
    if not acts:
        return viewer
    row: dict[str, Any] = dict(viewer.row)
    watches = sorted(
        (a for a in acts if a.kind == "watch" and np.float32(a.seconds) >= settings.min_watch_s), key=_when
    )
    row |= _history(viewer, watches, snapshot, settings.history_length)
    row["watched_videos"] = np.union1d(row["watched_videos"], _known(_videos(watches), snapshot))
    row["dismissed_videos"] = np.union1d(row["dismissed_videos"], _videos(_said(acts, "dismissed")))
    followed = snapshot.columns["channel"][snapshot.rows_of(_videos(_said(acts, "subscribed")))]
    row["subscribed_channels"] = np.union1d(row["subscribed_channels"], followed)
    profiles = [act for act in acts if act.profile is not None]
    if profiles:
        newest = max(profiles, key=_when).profile or {}
        row |= {"country": newest["country"] or "", "language": newest["language"] or "", "age": newest["age"]}
        row["blocked_channels"] = np.asarray(newest["blocked_channels"], np.int64)
    return Viewer(row, known=True)


def _history(viewer: Viewer, watches: Sequence[Act], snapshot: Snapshot, length: int) -> dict[str, NDArray[Any]]:
    """The history with `watches`, in time order, its newest `length`."""
    videos, times = _videos(watches), np.array([watch.time_us for watch in watches], np.int64)
    known = np.isin(videos, _known(videos, snapshot))
    seconds = np.array([watch.seconds for watch in watches], np.float32)[known]
    duration_s = snapshot.columns["duration_s"][snapshot.rows_of(videos)].astype(np.float32)
    played = np.divide(seconds, duration_s, out=np.ones_like(seconds), where=duration_s > 0)
    history = (viewer.keys("history_videos"), viewer.row["history_times"], viewer.row["history_fractions"])
    added = (videos[known], times[known], np.minimum(played, np.float32(1)))
    all_videos, all_times, fractions = (np.concatenate(pair) for pair in zip(history, added, strict=True))
    # Of equals the first stays: that of the row.
    _, first = np.unique(np.stack([all_times, all_videos]), axis=1, return_index=True)
    first.sort()
    order = first[np.argsort(all_times[first], kind="stable")][-length:]
    return {
        "history_videos": all_videos[order],
        "history_times": all_times[order],
        "history_fractions": fractions[order],
    }


def _known(videos: Keys, snapshot: Snapshot) -> Keys:
    return snapshot.keys[snapshot.rows_of(videos)]


def _said(acts: Sequence[Act], target: str) -> list[Act]:
    return [act for act in acts if act.kind in FEEDBACK_TARGETS[target]]


def _videos(acts: Sequence[Act]) -> Keys:
    return np.array([act.video for act in acts], np.int64)


def _when(act: Act) -> tuple[int, str]:
    return act.time_us, act.event_id
