"""What a training learns: everything once a day, else the newest watches and a replay."""

import numpy as np
import pytest

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.train_set import all_watches, newest_watches
from models.retrieval.watches import Watches

SETTINGS = RetrievalSettings(history_length=3, max_viewer_watches=4, replay_share=0.5)


def log(*sizes: int) -> Watches:
    """Viewer 0 with watches at times 0, 1, ..., viewer 1 likewise, ..."""
    users = np.repeat(np.arange(len(sizes)), sizes)
    times = np.concatenate([np.arange(size) for size in sizes]) if sizes else np.zeros(0, np.int64)
    return Watches(users, times.copy(), times, np.ones(len(users), np.float32))


def newest(watches: Watches, since: int, until: int, **changes: float):  # type: ignore[no-untyped-def]
    settings = SETTINGS.model_copy(update=changes)
    return newest_watches(watches, since, until, settings, np.random.default_rng(1))


def test_of_nothing_there_is_nothing_to_learn() -> None:
    assert len(all_watches(log(), 5, SETTINGS)) == 0
    assert len(newest(log(), 0, 5)) == 0


def test_all_of_a_viewer_weighs_at_most_the_bound() -> None:
    train = all_watches(log(8, 2), 8, SETTINGS)
    assert train.weight.tolist() == [0.5] * 8 + [1, 1]


def test_a_watch_whose_past_was_cut_off_is_not_learned_as_a_newcomers() -> None:
    train = all_watches(log(4), 10, SETTINGS.model_copy(update={"max_train_watches": 2}))
    assert train.watches.times.tolist() == [2, 3]
    assert train.weight.tolist() == [0, 1]


def test_new_watches_come_with_their_past_and_replay_has_its_share_of_the_loss() -> None:
    """Viewer 0 has one new watch, at time 5, and is cut to three; of the others one is drawn."""
    train = newest(log(6, 3, 3), 5, 6)
    first = train.watches.users == 0
    assert train.watches.times[first].tolist() == [3, 4, 5]
    assert len(np.unique(train.watches.users)) == 2
    # One new watch; the five old ones share as much. That at time 3 has lost its past.
    assert train.weight[first].tolist() == pytest.approx([0, 0.2, 1])
    assert train.weight[~first].tolist() == pytest.approx([0.2] * 3)


def test_without_replay_only_the_new_watches_are_learned() -> None:
    train = newest(log(6, 3), 5, 6, replay_share=0.0)
    assert train.watches.times.tolist() == [3, 4, 5]
    assert train.weight.tolist() == [0, 0, 1]


def test_nothing_after_the_end_and_no_new_watches_give_no_weight() -> None:
    assert newest(log(6, 3), 3, 4).watches.times.max() == 3
    assert newest(log(3, 3), 3, 9).weight.sum() == 0
