"""The distributions behind the distances, drawn by Evidently: the furthest columns of each kind."""

import functools
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from homefeed.settings import Settings
from monitoring.drift.columns import FEATURES, LABELS, PREDICTIONS, Columns, components
from monitoring.drift.comparison import ColumnDrift
from monitoring.drift.distance import Floats

#: Kind -> the method that Evidently is told, so that it never chooses one by the number of rows.
_METHODS = {
    "features": "wasserstein",
    "predictions": "wasserstein",
    "embeddings": "wasserstein",
    "labels": "log_ratio_of_rates",
    "categories": "total_variation",
}
#: Of each kind at least so many columns are drawn.
_EACH = 2


def draw(settings: Settings, today: Columns, before: Columns, columns: list[ColumnDrift], html: Path) -> None:
    """Write the Evidently report of `monitoring.drift_drawn` columns: the furthest ones, and two of each kind."""
    chosen = furthest(columns, settings.monitoring.drift_drawn)
    vectors: list[Floats | None] = [None, None]
    if today.vectors is not None and before.vectors is not None:
        vectors = [*components(before.vectors, today.vectors, before.vectors)]
    names = {**before.names, **today.names}
    frames = [_frame(side, part, names, chosen) for side, part in zip((today, before), vectors, strict=True)]
    _evidently(frames[0], frames[1], chosen).save_html(str(html))


def furthest(columns: list[ColumnDrift], num: int) -> list[ColumnDrift]:
    """Those whose distance is the greatest part of its bound, and at least two of each kind."""
    ordered = sorted((c for c in columns if c.kind in _METHODS), key=lambda c: -c.distance / max(c.bound, 1e-9))
    kinds: dict[str, int] = {}
    first: list[ColumnDrift] = []
    rest: list[ColumnDrift] = []
    for column in ordered:
        kinds[column.kind] = kinds.get(column.kind, 0) + 1
        (first if kinds[column.kind] <= _EACH else rest).append(column)
    return [*first, *rest][:num]


def _frame(side: Columns, vectors: Floats | None, names: dict[int, str], chosen: list[ColumnDrift]) -> Any:
    """The chosen columns of one side, as they are compared; in float64, as a histogram of a column whose values are one
    float32 step apart has no room for its bins."""
    import pandas as pd

    numbers = {"features": (FEATURES, side.features), "labels": (LABELS, side.labels)}
    if side.predictions is not None:
        numbers["predictions"] = (PREDICTIONS, side.predictions)
    if vectors is not None:
        numbers["embeddings"] = (tuple(f"embedding_{i + 1}" for i in range(vectors.shape[1])), vectors)
    columns: dict[str, Any] = {}
    for column in chosen:
        if column.kind == "categories":
            keys, codes = np.unique(side.categories[column.name], return_inverse=True)
            words = [names.get(key, f"#{key & 0xFFFF:04x}") for key in keys.tolist()]
            columns[column.name] = np.array(words, object)[codes]
        else:
            known, values = numbers[column.kind]
            columns[column.name] = values[:, known.index(column.name)]
    return pd.DataFrame(columns)


def _evidently(current: Any, before: Any, chosen: list[ColumnDrift]) -> Any:
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    _register()
    kinds = {is_name: [c.name for c in chosen if (c.kind == "categories") is is_name] for is_name in (True, False)}
    definition = DataDefinition(numerical_columns=kinds[False], categorical_columns=kinds[True])
    sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in (current, before)]
    with warnings.catch_warnings():
        # A column that is constant on both sides makes Evidently divide by zero; it then says that nothing drifted.
        warnings.simplefilter("ignore", RuntimeWarning)
        metrics = [ValueDrift(column=c.name, method=_METHODS[c.kind], threshold=c.bound) for c in chosen]
        return Report(metrics).run(*sides)


@functools.cache
def _register() -> None:
    """Make the two methods that Evidently does not have known to it, so that its verdicts are those of the report."""
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    def log_ratio(reference: Any, current: Any, kind: Any, threshold: float) -> tuple[float, bool]:
        value = float(abs(np.log(current.mean() / reference.mean())))
        return value, value > threshold

    def total_variation(reference: Any, current: Any, kind: Any, threshold: float) -> tuple[float, bool]:
        shares = [side.value_counts(normalize=True) for side in (reference, current)]
        value = float(shares[0].sub(shares[1], fill_value=0.0).abs().sum() / 2)
        return value, value > threshold

    for name, words, of, method in (
        ("log_ratio_of_rates", "Log ratio of the rates", ColumnType.Numerical, log_ratio),
        ("total_variation", "Total variation distance", ColumnType.Categorical, total_variation),
    ):
        register_stattest(StatTest(name, words, [of]), method)
