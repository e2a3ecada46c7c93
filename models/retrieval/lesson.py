"""What one training of the retriever reads: the watches of one range of windows, and of the two ranges after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import tensorflow as tf

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.profiles import profiles_of
from models.retrieval.batches import Log
from models.retrieval.train_set import all_watches, newest_watches
from models.retrieval.trainer import Towers
from models.retrieval.watches import WatchCounts, Watches, watches_of
from models.trainers.group import Group
from models.training import Training, TrainingError
from models.video_table import video_table

TABLES = ("watches", "videos", "users")
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Read:
    """What was read of the lake: the log, and the rows of `videos` and `users` that it was made from."""

    log: Log
    videos: pa.Table
    users: pa.Table


def read_log(settings: Settings, window: str, versions: Mapping[str, int]) -> Read:
    """The log at the end of a window, by the versions of `TABLES`."""
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import watch_sequences

    videos = catalogue(settings, windows.end(window), versions)
    table = video_table(videos)
    watches = watches_of(watch_sequences(settings, window, versions=versions), table)
    users = open_lake(settings.lake_path).read("users", version=versions["users"] if versions["users"] >= 0 else None)
    return Read(Log(table, watches, profiles_of(users), WatchCounts(watches)), videos, users)


class Lesson:
    """The watches of one training: those before the validation windows, which end before the holdout windows, which end
    with the newest one.

    Attributes:
      log: that they are of.
      train: what is learned: every watch, or the newest ones and a replay where it goes on from another training.
      validation, holdout: the watches that choose the epoch, and those that are measured.
      end: of the newest window [microseconds].
      trained: first and last window of what is learned.
    """

    def __init__(self, settings: Settings, window: str, log: Log, start: Training | None) -> None:
        """Find the watches.

        Args:
          settings: the settings tree.
          window: newest closed window.
          log: up to its end.
          start: training that this one goes on from; None when it starts anew.

        Raises:
          TrainingError: no watches to train on or to choose the epoch by.
        """
        self._settings, self.log, self._start = settings, log, start
        knobs, watches = settings.retrieval, log.watches
        first_holdout = windows.start(windows.shift(window, 1 - knobs.holdout_windows))
        first_validation = first_holdout - knobs.validation_windows * windows.WINDOW
        validation, holdout, self.end = map(_microseconds, (first_validation, first_holdout, windows.end(window)))
        since = _microseconds(windows.end(start.windows[1])) if start else validation - knobs.newest_h * _HOUR_US
        self._newest = newest_watches(watches, since, validation, knobs, np.random.default_rng(settings.seed))
        self.train = self._newest if start else all_watches(watches, validation, knobs)
        self.validation = _sample(watches, validation, holdout, knobs.max_eval_watches)
        self.holdout = _sample(watches, holdout, self.end, knobs.max_eval_watches)
        for is_missing, name in (
            (start is None and not len(self.train), "train on"),
            (not len(self.validation), "choose the epoch by"),
        ):
            if is_missing:
                raise TrainingError(
                    f"no watches to {name} for window {window}: ingest a longer history, or lower "
                    "HOMEFEED_RETRIEVAL__VALIDATION_WINDOWS and HOMEFEED_RETRIEVAL__HOLDOUT_WINDOWS"
                )
        first = start.windows[0] if start else _window(self.train.watches)
        self.trained = (first, windows.shift(windows.window_of(first_validation), -1))

    def towers(self, group: Group | None = None) -> Towers:
        """The towers before they learn; `group` learns them together."""
        tf.keras.utils.set_random_seed(self._settings.seed)
        newest, start = (None, self._start.path) if self._start else (self._newest, None)
        return Towers(self._settings, self.log, self.train, newest=newest, start=start, group=group)


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1_000_000


def _window(watches: Watches) -> str:
    """The window of the oldest watch."""
    return windows.window_of(datetime.fromtimestamp(int(watches.times.min()) / 1_000_000, UTC))


def _sample(watches: Watches, begin: int, until: int, most: int) -> Watches:
    """The newest `most` watches of [begin, until)."""
    return watches.take((watches.times >= begin) & (watches.times < until)).newest(most)
