"""The watches that one training learns, each with its weight in the loss."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.watches import Watches


@dataclass(frozen=True)
class TrainSet:
    """n watches, those that only give the next ones their past among them.

    Attributes:
      watches: in order of viewer, then time.
      weight: [n] in the loss; 0 for a watch that is not learned.
      has_whole_runs: whether a pass reads one run of each viewer, with its past, or every watch once.
    """

    watches: Watches
    weight: NDArray[np.float32]
    has_whole_runs: bool

    def __len__(self) -> int:
        return len(self.watches)


def all_watches(watches: Watches, until: float, settings: RetrievalSettings) -> TrainSet:
    """The newest `max_train_watches` before `until` [microseconds], all of one viewer's at most as heavy as
    `max_viewer_watches` of them."""
    before = np.flatnonzero(watches.times < until)
    newest = np.sort(before[np.argsort(-watches.times[before], kind="stable")[: settings.max_train_watches]])
    return _train_set(watches, newest, np.ones(len(newest), np.float32), settings, settings.whole_runs)


def newest_watches(
    watches: Watches, since: int, until: int, settings: RetrievalSettings, random: np.random.Generator
) -> TrainSet:
    """The watches of [since, until), and older ones to replay, so that what was learned before is not forgotten.

    Each viewer comes with the `history_length` newest watches, which are the past of the new ones and are replayed
    themselves; as many other viewers, drawn at random, come with theirs. The replayed ones share `replay_share` of the
    loss evenly.
    """
    past = np.flatnonzero(watches.times < until)
    users = watches.users[past]
    sizes = np.unique(users, return_counts=True)[1]
    viewer = np.repeat(np.arange(len(sizes)), sizes)
    is_new = watches.times[past] >= since
    active = np.zeros(len(sizes), bool)
    active[viewer[is_new]] = True
    others = np.flatnonzero(~active)
    num_replayed = min(len(others), int(active.sum())) if settings.replay_share else 0
    chosen = active.copy()
    chosen[random.choice(others, num_replayed, replace=False)] = True
    from_end = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(past))
    num_new = np.bincount(viewer, is_new)
    kept = chosen[viewer] & (from_end <= np.maximum(settings.history_length, num_new)[viewer])
    is_new = is_new[kept]
    weight = np.ones(len(is_new), np.float32)
    if (~is_new).any():
        old = settings.replay_share / (1 - settings.replay_share) * is_new.sum() / (~is_new).sum()
        weight[~is_new] = min(1.0, old)
    return _train_set(watches, past[kept], weight, settings, has_whole_runs=True)


def _train_set(
    watches: Watches,
    index: NDArray[np.int64],
    weight: NDArray[np.float32],
    settings: RetrievalSettings,
    has_whole_runs: bool,
) -> TrainSet:
    """Watches at `index`, ascending, with `weight` bounded by viewer."""
    chosen = watches.take(index)
    _, viewer, sizes = np.unique(chosen.users, return_inverse=True, return_counts=True)
    weight = weight * np.minimum(1.0, settings.max_viewer_watches / sizes)[viewer]
    if len(index):
        # Whoever was cut off from an earlier past is no newcomer: the first watch that is left has nothing to go by.
        begins = np.append(True, chosen.users[1:] != chosen.users[:-1])
        has_past = (index > 0) & (watches.users[index - 1] == chosen.users)
        weight[begins & has_past] = 0
    return TrainSet(chosen, weight.astype(np.float32), has_whole_runs)
