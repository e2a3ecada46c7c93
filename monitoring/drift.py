"""Drift: today's features and predictions against those that calibrated the ranker, as an Evidently report."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, ENTITIES, REQUEST_FEATURES, TARGETS
from homefeed.settings import Settings
from models.ranking.reference import REFERENCE_FILE
from monitoring.evidence import Bundle, Rows

#: These follow the clock, not the site.
_CLOCK = ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos")
_MEASURES = ("impressions", "watches", "watch_s")
#: What is compared. One span stands for an aggregate's four, which move together: each column costs Evidently 0.1 s.
FEATURES = (
    *(f"{entity}_{measure}_24h" for entity in ENTITIES for measure in _MEASURES),
    *(name for name in REQUEST_FEATURES if name not in _CLOCK),
)
PREDICTIONS = tuple(f"predicted_{target}" for target in TARGETS)


@dataclass(frozen=True)
class Drift:
    """Distances of today from the reference.

    Attributes:
      html, json: the Evidently report.
      distances: column -> Wasserstein distance over the reference's standard deviation.
      drifted: columns beyond `monitoring.drift_threshold`.
      drifted_share: share of the features that drifted.
      prediction: distance of the predicted watches.
      num_reference, num_current: rows compared.
    """

    html: Path
    json: Path
    distances: dict[str, float]
    drifted: list[str]
    drifted_share: float
    prediction: float
    num_reference: int
    num_current: int


def measure_drift(
    settings: Settings, bundle: Bundle, rows: Rows, heads: dict[str, NDArray[np.float32]], folder: Path
) -> Drift | None:
    """Compare the rows with the bundle's reference and write `drift.html` and `drift.json` into `folder`.

    Args:
      settings: `settings.monitoring`; at most `sample_rows` of each side are read, drawn by `settings.seed`.
      bundle: holds the reference.
      rows: today's exposures.
      heads: target -> [n] predictions of them.
      folder: made when it is missing.

    Returns:
      None when either side has fewer than `monitoring.min_rows`.
    """
    knobs = settings.monitoring
    reference = pq.read_table(Path(bundle.path) / REFERENCE_FILE, columns=[*FEATURES, *PREDICTIONS])
    random = np.random.default_rng(settings.seed)
    taken = random.permutation(reference.num_rows)[: knobs.sample_rows]
    # A sampled row stands for several exposures, the others for one: keep both at the same rate.
    even = np.flatnonzero(random.random(len(rows)) < rows.weight / max(float(rows.weight.max(initial=0)), 1e-9))
    today = np.sort(random.permutation(even)[: knobs.sample_rows])
    if min(len(taken), len(today)) < knobs.min_rows:
        return None
    dense = rows.inputs.dense
    current = {name: dense[today, DENSE_FEATURES.index(name)] for name in FEATURES}
    current |= {name: heads[target][today] for name, target in zip(PREDICTIONS, TARGETS, strict=True)}
    before = {name: reference.column(name).to_numpy()[taken] for name in current}
    snapshot = _evidently(before, current, knobs.drift_threshold)
    folder.mkdir(parents=True, exist_ok=True)
    html, record = folder / "drift.html", folder / "drift.json"
    snapshot.save_html(str(html))
    record.write_text(snapshot.json())
    distances = _distances(json.loads(record.read_text()))
    drifted = [name for name in current if distances[name] > knobs.drift_threshold]
    share = sum(name in FEATURES for name in drifted) / len(FEATURES)
    return Drift(html, record, distances, drifted, share, distances["predicted_watched"], len(taken), len(today))


def _evidently(before: dict[str, Any], current: dict[str, Any], threshold: float) -> Any:
    """The report. The method is named: by default Evidently would change from a test to a distance at 1,000 rows."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    columns = DataDefinition(numerical_columns=list(current))
    # In float64, as a histogram of a column whose values are one float32 step apart has no room for its bins.
    frames = [pd.DataFrame(side).astype(np.float64) for side in (current, before)]
    sides = [Dataset.from_pandas(frame, data_definition=columns) for frame in frames]
    with warnings.catch_warnings():
        # A column that is constant on both sides makes Evidently divide by zero; it then says that nothing drifted.
        warnings.simplefilter("ignore", RuntimeWarning)
        report = Report([ValueDrift(column=name, method="wasserstein", threshold=threshold) for name in current])
        return report.run(*sides)


def _distances(record: dict[str, Any]) -> dict[str, float]:
    found = {m["config"]["column"]: m["value"] for m in record["metrics"] if "column" in m["config"]}
    return {name: float(np.nan_to_num(value)) for name, value in found.items()}
