"""What the DAGs do between two pages, called one after the other: ingestion, features, training, release, refit."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from homefeed.settings import Settings

if TYPE_CHECKING:
    from models.bundle import Bundle


def publish(settings: Settings, arrivals: Sequence[str]) -> Path:
    """Bring arrival windows into the lake and publish all that follows from them; returns the newest snapshot."""
    from feature_repo.aggregates import publish_aggregates
    from feature_repo.due import due_windows
    from feature_repo.exposures import publish_exposures
    from feature_repo.online import materialize
    from feature_repo.snapshot import write_snapshot
    from feature_repo.user_state import publish_user_state
    from homefeed.ingest.window import ingest_windows

    newest = max(arrivals)
    touched = ingest_windows(settings, arrivals).touched
    publish_exposures(settings, sorted(due_windows(touched, newest)))
    publish_aggregates(settings, touched)
    publish_user_state(settings, touched)
    materialize(settings, touched)
    return write_snapshot(settings, newest)


def train(settings: Settings, window: str) -> str:
    """Train both models on the exposures up to `window`, and bundle them; returns the id of the release."""
    from models.bundle import build_bundle
    from models.ranking.train import train_ranking
    from models.retrieval.train import train_retrieval

    retrieval, ranking = train_retrieval(settings, window), train_ranking(settings, window)
    return build_bundle(settings, retrieval.path, ranking.path)


def refit(settings: Settings, bundle: "Bundle", window: str) -> None:
    """Fit calibrators and corrections of a release again to the exposures up to `window`; what is newest answers.

    Nothing is fitted to a newest window with fewer positives of every head than the platform asks for, and joining the
    features to find that out would take a third of the simulation of a small site.
    """
    from models.ranking.adjustment import newest_adjustment
    from models.ranking.recalibration import refit as write_refit

    if _most_positives(settings, window) < settings.ranking.refit_check_positives:
        return
    write_refit(settings, bundle, window)
    bundle.recalibrate(newest_adjustment(settings, bundle.release) or bundle.adjustment)


def _most_positives(settings: Settings, window: str) -> int:
    """Exposures of a window that are positive, of the head that has most."""
    import pyarrow.compute as pc

    from feature_repo.training_set import ranking_rows
    from homefeed.features import TARGETS

    rows = ranking_rows(settings, window, window)
    return max(pc.sum(pc.greater(rows.column(target).cast("float32"), 0)).as_py() or 0 for target in TARGETS)
