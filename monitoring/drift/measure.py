"""One look at the drift of a release: which exposures are compared with what, and what is said of each column."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings
from monitoring.drift.columns import FEATURES, columns_of
from monitoring.drift.comparison import ColumnDrift, compare
from monitoring.drift.picture import draw
from monitoring.drift.reference import Basis, Reference, even_sample, seasonal_reference, training_reference
from monitoring.evidence import Bundle, Rows


@dataclass(frozen=True)
class NotMeasured:
    """Why drift was not measured."""

    reason: str


@dataclass(frozen=True)
class Drift:
    """Distances of today from the reference.

    Attributes:
      html, json: the Evidently report, and every column.
      columns: that were compared.
      missing: columns that could not be, with why.
      learned: columns that differ from their season, as they did when the release was made, and not from what it was
        made from.
      basis: of the reference.
      spans: its windows; empty when it is the training's.
      windows: first and last window of today.
      num_reference, num_current: rows compared.
    """

    html: Path
    json: Path
    columns: list[ColumnDrift]
    missing: list[str]
    learned: list[str]
    basis: Basis
    spans: tuple[tuple[str, str], ...]
    windows: tuple[str, str] | None
    num_reference: int
    num_current: int

    @property
    def distances(self) -> dict[str, float]:
        """Column -> distance."""
        return {column.name: column.distance for column in self.columns}

    @property
    def drifted(self) -> list[str]:
        """Columns beyond their bounds."""
        return [column.name for column in self.columns if column.is_drifted]

    @property
    def drifted_share(self) -> float:
        """Share of the features that drifted."""
        return sum(c.is_drifted and c.kind == "features" for c in self.columns) / len(FEATURES)

    @property
    def prediction(self) -> float:
        """Distance of the predicted watches, in deviations of their log-odds."""
        return self.distances.get("predicted_watched", float("nan"))


def measure_drift(
    settings: Settings,
    bundle: Bundle,
    rows: Rows,
    heads: Mapping[str, NDArray[np.float32]],
    folder: Path,
    window: str | None = None,
) -> Drift | NotMeasured:
    """Compare exposures with their reference and write `drift.html` and `drift.json` into `folder`.

    Args:
      settings: `settings.monitoring`; at most `sample_rows` of each side are compared, drawn by `settings.seed`.
      bundle: the release.
      rows: exposures.
      heads: target -> [n] predictions of them.
      folder: made when it is missing.
      window: the newest of the exposures' windows: as few as hold `drift_rows` are held against their season. None
        holds all against what calibrated the release: what a gate asks of a candidate.

    Returns:
      What was found, or why nothing was: too few exposures, or no reference.
    """
    knobs = settings.monitoring
    span = None if window is None else _newest(settings, rows, window)
    index = np.arange(len(rows)) if span is None else _within(rows, span)
    taken = index[even_sample(rows.weight[index], knobs.sample_rows, settings.seed)]
    if len(taken) < knobs.min_rows:
        return NotMeasured(f"{len(taken)} of the {knobs.min_rows} exposures it takes")
    today = columns_of(rows.take(taken), {target: head[taken] for target, head in heads.items()}, bundle)
    trained = training_reference(bundle)
    season = None if window is None else seasonal_reference(settings, bundle, window)
    if isinstance(season, str):
        return NotMeasured(season)
    if isinstance(trained, str) and season is None:
        return NotMeasured(trained)
    reference = season if season is not None else trained
    assert isinstance(reference, Reference)
    if len(reference.columns) < knobs.min_rows:
        return NotMeasured(f"the reference holds {len(reference.columns)} of the {knobs.min_rows} exposures it takes")
    columns, missing = compare(settings, today, reference.columns)
    learned: list[str] = []
    if season is not None and isinstance(trained, Reference) and any(column.is_drifted for column in columns):
        explained = _explained(settings, bundle, season, trained, columns, compare(settings, today, trained.columns)[0])
        learned = sorted(explained)
        columns = [replace(c, is_explained=c.name in explained) for c in columns]
    if isinstance(trained, str):
        missing.append(trained)
    html, record = folder / "drift.html", folder / "drift.json"
    folder.mkdir(parents=True, exist_ok=True)
    draw(settings, today, reference.columns, columns, html)
    found = Drift(
        html,
        record,
        columns,
        missing,
        learned,
        reference.basis,
        reference.spans,
        span,
        len(reference.columns),
        len(today),
    )
    record.write_text(json.dumps(_plain(found)))
    return found


def _explained(
    settings: Settings,
    bundle: Bundle,
    season: Reference,
    trained: Reference,
    columns: list[ColumnDrift],
    from_training: list[ColumnDrift],
) -> set[str]:
    """Columns that are away from their season but not from what the release was made from, where that settles it.

    It does for predictions, as a release has seen the exposures of its season; while the season is of other days, as
    neither side is then like today; and for a column that was away from its season already when the release was
    made: a release that has learned a drift is not asked to learn it again.
    """
    # What was not compared with the training, such as a slice, is not explained by it.
    near = {c.name for c in from_training if not c.is_drifted}
    away = {c.name: c.kind for c in columns if c.is_drifted}
    unlike = {n for n, kind in away.items() if n in near or (kind == "slices" and n not in _drifted(from_training))}
    if not unlike or season.basis is Basis.DAYS:
        return unlike
    settled = {name for name in unlike if away[name] == "predictions"}
    last = windows.shift(str(bundle.manifest.windows[1]), settings.ranking.validation_windows)
    then = seasonal_reference(settings, bundle, last)
    if unlike - settled and isinstance(then, Reference) and then.basis is Basis.WEEKS:
        settled |= unlike & _drifted(compare(settings, trained.columns, then.columns)[0])
    return settled


def _drifted(columns: list[ColumnDrift]) -> set[str]:
    return {column.name for column in columns if column.is_drifted}


def _newest(settings: Settings, rows: Rows, window: str) -> tuple[str, str]:
    """As few of the newest windows as hold `monitoring.drift_rows` rows; every one when there are fewer."""
    knobs = settings.monitoring
    for num in range(1, knobs.report_windows):
        span = windows.shift(window, 1 - num), window
        if len(_within(rows, span)) >= knobs.drift_rows:
            return span
    return windows.shift(window, 1 - knobs.report_windows), window


def _within(rows: Rows, span: tuple[str, str]) -> NDArray[np.int64]:
    first, last = (int(time.timestamp() * 1e6) for time in (windows.start(span[0]), windows.end(span[1])))
    return np.flatnonzero((rows.times >= first) & (rows.times < last))


def _plain(drift: Drift) -> dict[str, Any]:
    told = {n: v for n, v in asdict(drift).items() if n not in ("html", "json", "columns")}
    return told | {"columns": [column.to_dict() for column in drift.columns]}
