"""What one training of the ranker reads, by the versions of the lake that it names."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.names import Names, names_of
from models.ranking.examples import Examples, examples_of
from models.ranking.hour import hour_of
from models.training import Training, TrainingError
from models.video_table import video_table

TABLES = (
    "exposures",
    "videos",
    "users",
    "user_state",
    "user_aggregates",
    "video_aggregates",
    "channel_aggregates",
    "topic_aggregates",
)


class Lesson:
    """The exposures of one training: those before the validation windows, which end before the holdout windows, which
    end with `window`.

    Attributes:
      start: training that this one goes on from; None when it starts anew.
      trained: first and last window that the weights will have learned from.
      left_out: what is in no part: `bot_viewers` and, by part, `bot_..._rows`; `empty_windows` are gone over.
    """

    def __init__(self, settings: Settings, window: str, versions: Mapping[str, int], start: Training | None) -> None:
        """Find the windows.

        Args:
          settings: the settings tree.
          window: newest closed window of exposures.
          versions: of `TABLES`.
          start: training that this one may go on from.

        Raises:
          TrainingError: there are no exposures to train on.
        """
        from feature_repo.bots import bot_viewers
        from feature_repo.catalogue import catalogue

        lake, knobs = open_lake(settings.lake_path), settings.ranking
        self._settings, self._window, self._versions = settings, window, versions
        self.holdout_first = windows.shift(window, 1 - knobs.holdout_windows)
        self._validation_first = windows.shift(self.holdout_first, -knobs.validation_windows)
        held = lake.windows("exposures", versions["exposures"] if versions["exposures"] >= 0 else None)
        self._published = [w for w in held if w < self._validation_first]
        if not self._published:
            raise TrainingError(
                f"no exposures before {self._validation_first} to train on: ingest a longer history, or lower "
                "HOMEFEED_RANKING__VALIDATION_WINDOWS and HOMEFEED_RANKING__HOLDOUT_WINDOWS"
            )
        hour = hour_of(self._published, start.windows[1], knobs.replay_share, settings.seed) if start else None
        is_hour = hour is not None and bool(hour.new) and bool(hour.checked)
        self._hour, self.start = (hour, start) if is_hour else (None, None)
        self.trained = (self.start.windows[0] if self.start else self._published[0], self._published[-1])
        self._videos = catalogue(settings, windows.end(window), versions)
        self._table = video_table(self._videos)
        self._bots = bot_viewers(settings, self._published[0], window, versions).column("user")
        empty = set(windows.span(self._published[0], window)) - set(held)
        self.left_out = {"empty_windows": len(empty), "bot_viewers": len(self._bots)}

    def train(self) -> Examples:
        """What is learned, in order of time, missed ones sampled."""
        rate, last = self._settings.ranking.negative_rate, self._published[-1]
        if self._hour is None:
            return self.examples(self._people("train", self._published[0], last, rate))
        return self.examples(self._people("train", self._hour.learned[0], last, rate, self._hour.learned))

    def older(self) -> Examples | None:
        """The hour before, which must not get worse; None for a training that starts anew."""
        if self._hour is None:
            return None
        first, last = self._hour.checked[0], self._hour.checked[-1]
        return self.examples(self._people("older", first, last, self._settings.ranking.negative_rate))

    def validation(self) -> Examples:
        """What chooses the epoch and fits the calibrators."""
        last = windows.shift(self.holdout_first, -1)
        return self.examples(self._people("validation", self._validation_first, last, None))

    def holdout(self) -> pa.Table:
        """Rows of what is measured."""
        return self._people("holdout", self.holdout_first, self._window, None)

    def names(self, rows: pa.Table) -> Names:
        """Names of what occurs in rows, for the report."""
        version = self._versions["users"]
        users = open_lake(self._settings.lake_path).read("users", version=version if version >= 0 else None)
        return names_of(self._videos, users, rows)

    def examples(self, rows: pa.Table) -> Examples:
        """Rows as columns for the ranker."""
        settings = self._settings
        return examples_of(rows, self._table, settings.features.history_length, settings.ranking.history_length)

    def _people(
        self, part: str, begin: str, until: str, sample: float | None, only: Sequence[str] | None = None
    ) -> pa.Table:
        """Exposures of viewers who are no bots."""
        from feature_repo.training_set import ranking_examples

        rows = ranking_examples(self._settings, begin, until, versions=self._versions, sample=sample, only=only)
        kept = rows.filter(pc.invert(pc.is_in(rows.column("user"), self._bots)))
        self.left_out[f"bot_{part}_rows"] = len(rows) - len(kept)
        return kept
