"""Where a training starts: anew once a day, else from the training before it."""

from collections.abc import Mapping
from datetime import timedelta

from homefeed import windows
from homefeed.settings import Settings
from homefeed.settings.ranking import RankingSettings
from homefeed.settings.retrieval import RetrievalSettings
from models.training import Training, digest_of, newest_training

#: Metric of a training that could not learn its hour; the next one starts anew.
IS_REFUSED = "is_refused"
#: Grows when a model reads other numbers under the same names, since weights do not tell what they were learned from:
#: 2 is the candidate tower's watches beside those of a mean video (docs/adr/0036), 3 the ranker's crosses
#: (docs/adr/0043), 4 its affinity to side topics (docs/adr/0044), 5 other codes of words (docs/adr/0046).
READS = 5


def training_before(
    settings: Settings, kind: str, knobs: RetrievalSettings | RankingSettings, window: str
) -> Training | None:
    """The training from which that of `window` goes on; None when it starts anew.

    It starts anew when there is none before `window` with the same settings, when that one refused what its hour had
    learned, and at the first window after `full_training_hour` of each day, so that what is gone leaves the
    vocabularies and late events are learned.

    Args:
      settings: the settings tree.
      kind: `retrieval` or `ranking`.
      knobs: the settings of that model.
      window: newest closed window.
    """
    before = newest_training(settings.models_path / kind, window)
    if before is None or before.settings_digest != shape_digest(knobs) or before.metrics.get(IS_REFUSED):
        return None
    end = windows.end(window)
    due = end.replace(hour=knobs.full_training_hour, minute=0)
    due -= timedelta(days=due > end)
    return before if windows.end(before.full_window) >= due else None


def made_from(
    knobs: RetrievalSettings | RankingSettings, versions: Mapping[str, int], seed: int, start: Training | None
) -> object:
    """What names a training: the same gives the same weights, and of code that reads other numbers it is another.

    Args:
      knobs: the settings of that model.
      versions: table -> the version that was read.
      seed: of the settings.
      start: the training that it went on from.
    """
    return sorted(versions.items()), shape_digest(knobs), seed, start.id if start else ""


def shape_digest(knobs: RetrievalSettings | RankingSettings) -> str:
    """Of every knob of a model and of what it reads: weights made with others are not gone on from."""
    return digest_of((READS, knobs.model_dump()))
