"""The two-tower on a plain log: the platform's own training with the side features switched off."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.settings import load
from homefeed.settings.retrieval import RetrievalSettings
from models.evaluation.sequences import Histories, SequenceLog
from models.profiles import Profiles
from models.retrieval.batches import Log
from models.retrieval.model import SavedTowers
from models.retrieval.train_set import all_watches
from models.retrieval.trainer import Towers, answers
from models.retrieval.watches import WatchCounts, Watches
from models.video_table import MAX_TOPICS, VideoTable

#: Histories that the query tower reads at once.
_BLOCK = 128


class TwoTowerRecommender:
    """`models.evaluation.sequences.Recommender` by the towers that the platform trains. An item is a video that has
    nothing but an id, a user a viewer without a profile."""

    name = "two_tower"

    def __init__(self, settings: RetrievalSettings) -> None:
        """`settings` as for the platform, with `side_features` off, as a plain log has none."""
        self._settings = settings

    def fit(
        self, train: SequenceLog, validate: Callable[[], float] | None, *, seed: int, deadline: float | None
    ) -> bool:
        """Train; without `validate` the weights of the last pass are kept."""
        tf.keras.utils.set_random_seed(seed % 2**32)
        log = _log(train)
        settings = load(seed=seed, retrieval=self._settings)
        # The newest by time would leave out users where a log has no times.
        every = self._settings.model_copy(update={"max_train_watches": len(train)})
        self._towers = Towers(settings, log, all_watches(log.watches, np.inf, every))
        self._towers.train(validate or (lambda: 0.0), deadline)
        return self._towers.is_cut

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Dot products of the users' vectors with every item's."""
        newest = histories.items[:, -self._settings.history_length :]
        present = newest >= 0
        sizes = present.sum(axis=1)
        # Histories of about one length share a block, as each block is as wide as its longest.
        order = np.argsort(sizes, kind="stable")
        saved = self._towers.served()
        queries = np.empty((len(newest), self._settings.embedding_dim + 1), np.float32)
        for block in np.array_split(order, range(_BLOCK, len(order), _BLOCK)):
            width = max(1, int(sizes[block].max(initial=1)))
            queries[block] = _queries(saved, newest[block, -width:], present[block, -width:])
        return np.asarray(queries @ self._towers.vectors_before(0).T, np.float32)


def _queries(saved: SavedTowers, items: NDArray[np.int64], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Query vectors [q, width + 1] of histories that are padded on the left, [q, l]."""
    # The query tower reads a history from the left.
    order = np.argsort(~present, axis=1, kind="stable")
    videos = np.take_along_axis(np.where(present, items + 1, 0), order, axis=1)
    nothing = np.zeros(len(videos), np.int64)
    return answers(
        saved,
        {
            "history_videos": videos,
            "history_times": np.zeros_like(videos),
            "time": nothing,
            "history_fractions": np.zeros(videos.shape, np.float32),
            "country": nothing,
            "language": nothing,
            "age": np.full(len(videos), -1, np.int32),
        },
    )


def _log(train: SequenceLog) -> Log:
    """The log as the platform's columns: the key of an item is its code + 1, the time of an interaction its place."""
    num = train.num_items
    table = VideoTable(
        keys=np.arange(1, num + 1),
        channels=np.zeros(num, np.int64),
        topics=np.zeros((num, MAX_TOPICS), np.int64),
        languages=np.zeros(num, np.int64),
        uploaded=np.full(num, -1),
        duration_s=np.zeros(num, np.float32),
        titles=np.full(num, "", object),
    )
    times = np.arange(len(train)) if train.times is None else train.times
    watches = Watches(train.users, train.items, times, np.zeros(len(train), np.float32))
    nobody = np.zeros(0, np.int64)
    return Log(table, watches, Profiles(nobody, nobody, nobody, np.zeros(0, np.int32)), WatchCounts(watches))
