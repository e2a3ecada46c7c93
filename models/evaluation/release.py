"""Quality of a release on closed windows that it never saw: what two releases are compared by, row by row."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.evaluation.metrics import log_loss, quality, recall_at
from models.profiles import profiles_of
from models.ranking.examples import examples_of
from models.retrieval.batches import Log
from models.retrieval.recall import popular_ranks, ranks, viewers_at
from models.retrieval.watches import WatchCounts, Watches, watches_of
from models.video_table import video_table

if TYPE_CHECKING:
    from models.bundle import Bundle

_BLOCK = 8192
#: Score of a video that the index does not hold: it exists, so it counts, but the index cannot find it.
_NOT_INDEXED = np.float32(-1e30)


@dataclass(frozen=True)
class EvaluationRows:
    """What releases are evaluated on; read once, used for each of them.

    Attributes:
      exposures: of the windows, with their point-in-time features.
      log: catalogue and every watch up to the last window.
      wanted: the watches of the windows.
    """

    exposures: pa.Table
    log: Log
    wanted: Watches


def evaluation_rows(settings: Settings, first: str, last: str, sample: float | None = None) -> EvaluationRows:
    """Exposures and watches of the closed windows `first` to `last`; `sample` is the share of missed exposures read."""
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import ranking_examples, watch_sequences

    table = video_table(catalogue(settings, windows.end(last)))
    watches = watches_of(watch_sequences(settings, last), table)
    log = Log(table, watches, profiles_of(open_lake(settings.lake_path).read("users")), WatchCounts(watches))
    begin = int(windows.start(first).timestamp()) * 1_000_000
    exposures = ranking_examples(settings, first, last, sample=sample)
    return EvaluationRows(exposures, log, watches.take(watches.times >= begin))


def evaluate_release(
    settings: Settings, bundle: "Bundle", first: str, last: str, rows: EvaluationRows | None = None
) -> dict[str, Any]:
    """Quality of a bundle on the closed windows `first` to `last`, each exposure with its true slot.

    Args:
      settings: the settings tree.
      bundle: the release.
      first, last: windows, both included; later than those it was trained on.
      rows: of `evaluation_rows`, when several releases are evaluated on the same.

    Returns:
      `roc_auc`, `pr_auc`, `ne`, `calibration` of the watched head; `recall_at_100` and `popularity_recall_at_100`; and
      by exposure, in the same order for every release: `viewers`, `labels`, `predictions`, `log_loss`, `weights`.
    """
    rows = rows or evaluation_rows(settings, first, last)
    shape = bundle.shape
    examples = examples_of(rows.exposures, rows.log.table, shape.history_length, shape.ranker_history_length)
    blocks = [
        bundle.heads(examples.inputs.take(slice(begin, begin + _BLOCK)))["watched"]
        for begin in range(0, len(examples), _BLOCK)
    ]
    predictions = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    labels = examples.labels["watched"]
    return {
        **quality(labels, predictions),
        "recall_at_100": recall_at(ranks(rows.log, rows.wanted, _scores(bundle, rows)), 100),
        "popularity_recall_at_100": recall_at(popular_ranks(rows.log, rows.wanted), 100),
        "viewers": examples.users,
        "labels": labels,
        "predictions": predictions,
        "log_loss": log_loss(labels > 0, predictions),
        "weights": examples.weight,
    }


def _scores(bundle: "Bundle", rows: EvaluationRows) -> Any:
    """Scores of the whole catalogue by the bundle's own vectors, as they were when it was made."""
    row = rows.log.table.rows(bundle.videos)
    queries = bundle.queries(
        viewers_at(rows.log, rows.wanted.users, rows.wanted.times, bundle.shape.query_history_length)
    )

    def score(block: NDArray[np.int64], _: int) -> NDArray[np.float32]:
        scores = np.full((len(block), len(rows.log.table)), _NOT_INDEXED, np.float32)
        scores[:, row[row >= 0]] = (queries[block] @ bundle.vectors.T)[:, row >= 0]
        return scores

    return score
