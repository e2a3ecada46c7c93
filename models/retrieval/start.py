"""Where a training starts: anew once a day, else from the training before it."""

from datetime import timedelta

from homefeed import windows
from homefeed.settings import Settings
from models.training import Training, digest_of, newest_training

KIND = "retrieval"


def start_of(settings: Settings, window: str) -> Training | None:
    """The training from which that of `window` goes on; None when it starts anew.

    It starts anew when there is none before `window` with the same settings, and at the first window after
    `full_training_hour` of each day, so that videos that are gone leave the vocabulary and late events are learned.
    """
    knobs = settings.retrieval
    before = newest_training(settings.models_path / KIND, window)
    if before is None or before.settings_digest != shape_digest(settings):
        return None
    end = windows.end(window)
    due = end.replace(hour=knobs.full_training_hour, minute=0)
    due -= timedelta(days=due > end)
    return before if windows.end(before.full_window) >= due else None


def shape_digest(settings: Settings) -> str:
    """Of every knob of the retriever: weights made with others are not gone on from."""
    return digest_of(settings.retrieval.model_dump())
