"""Where the training of the retriever starts."""

from homefeed.settings import Settings
from models import start
from models.training import Training

KIND = "retrieval"


def start_of(settings: Settings, window: str) -> Training | None:
    """`models.start.training_before` of the retriever."""
    return start.training_before(settings, KIND, settings.retrieval, window)


def shape_digest(settings: Settings) -> str:
    """`models.start.shape_digest` of the retriever."""
    return start.shape_digest(settings.retrieval)
