"""Everything that new events change, in order: exposures, aggregates, viewer state, online rows, snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass

from feature_repo.aggregates import publish_aggregates
from feature_repo.due import due_windows, unpublished_windows
from feature_repo.exposures import publish_exposures
from feature_repo.online import apply, materialize
from feature_repo.snapshot import write_snapshot
from feature_repo.user_state import publish_user_state
from homefeed.errors import HomefeedError
from homefeed.lake import open_lake
from homefeed.registry import open_registry
from homefeed.settings import Settings


class PublishError(HomefeedError):
    """Features cannot be published; the message says what has to come first."""


@dataclass(frozen=True)
class PublishReport:
    """What one publication did.

    Attributes:
      windows: windows whose exposures were published.
      exposures: how many of these are `positive` (watched) and `negative` (missed).
      online_rows: viewer rows written to the online store.
      versions: version of each lake table afterwards.
      snapshot: path of the snapshot of candidate features.
    """

    windows: list[str]
    exposures: dict[str, int]
    online_rows: int
    versions: dict[str, int]
    snapshot: str


def publish(settings: Settings, touched: Sequence[str]) -> PublishReport:
    """Publish what events of `touched` change, up to the registry's watermark. Doing it again leaves the same tables.

    Args:
      settings: the settings tree.
      touched: event windows that ingestion changed, in any order.

    Raises:
      PublishError: nothing was ever ingested.
    """
    watermark = open_registry(settings.resolved_registry_url).watermark()
    if watermark is None:
        raise PublishError(
            "no arrival window was ever ingested, so there is nothing to publish; run ingest_events first"
        )
    due = {*due_windows(touched, watermark), *unpublished_windows(settings, watermark)}
    exposures = publish_exposures(settings, sorted(due))
    publish_aggregates(settings, touched)
    publish_user_state(settings, touched)
    apply(settings)
    online_rows = materialize(settings, touched)
    snapshot = write_snapshot(settings, watermark)
    lake = open_lake(settings.lake_path)
    return PublishReport(
        windows=exposures.windows,
        exposures={"positive": exposures.positive, "negative": exposures.negative},
        online_rows=online_rows,
        versions={table: lake.version(table) for table in lake.schemas},
        snapshot=str(snapshot),
    )
