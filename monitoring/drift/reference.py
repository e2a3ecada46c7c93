"""What today is held against: the same time of earlier weeks, or what the release was made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from homefeed import windows
from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.ranking.reference import REFERENCE_FILE
from monitoring.drift.columns import (
    CATEGORIES,
    LABELS,
    Columns,
    columns_of,
    compared_features,
    compared_predictions,
    vectors_of,
)
from monitoring.drift.distance import groups
from monitoring.evidence import Bundle, Rows, predict, read_rows_of

_DAY, _WEEK = 144, 1008
#: Days before that are read while there is no week: each is one more look at the lake.
_DAYS = 3


class Basis(StrEnum):
    """Where a reference is from. WEEKS: the same hour of the same weekday, so that evening is no drift. DAYS: the same
    hour of the days before that are of its kind, workdays or weekend, while there is no week yet. TRAINING: what
    calibrated the release."""

    WEEKS = "weeks"
    DAYS = "days"
    TRAINING = "training"


@dataclass(frozen=True)
class Reference:
    """One side of a comparison.

    Attributes:
      basis: where it is from.
      columns: of its exposures.
      spans: first and last window of each part; empty for that of the training.
    """

    basis: Basis
    columns: Columns
    spans: tuple[tuple[str, str], ...] = ()


def even_sample(weight: NDArray[np.float32], num: int, seed: int) -> NDArray[np.int64]:
    """At most `num` positions of weighted rows [n], drawn so that every exposure is as likely as any other: a sampled
    row stands for several exposures, the others for one, and both are kept at the same rate."""
    random = np.random.default_rng(seed)
    even = np.flatnonzero(random.random(len(weight)) < weight / max(float(weight.max(initial=0)), 1e-9))
    return np.asarray(np.sort(random.permutation(even)[:num]))


def training_reference(bundle: Bundle) -> Reference | str:
    """The sample of the validation exposures that travels in the bundle, or why there is none."""
    file = Path(bundle.path) / REFERENCE_FILE
    try:
        table = pq.read_table(file)
        dense = np.column_stack([table.column(name).to_numpy() for name in DENSE_FEATURES])
        heads = {target: table.column(f"predicted_{target}").to_numpy() for target in TARGETS}
    except (OSError, KeyError, ValueError, pa.ArrowInvalid) as error:
        return f"the reference {file} of the release cannot be read: {error}; the next training writes a new one"
    kept = set(table.column_names)
    # A bundle from before these were kept has features and predictions alone, and each row for itself.
    keys = {name: table.column(name).to_numpy() for name in ("user", "video") if name in kept}
    alone = np.arange(table.num_rows)
    unknown = np.full(table.num_rows, np.nan)
    columns = Columns(
        compared_features(dense),
        compared_predictions(heads),
        np.column_stack([table.column(n).to_numpy().astype(np.float64) if n in kept else unknown for n in LABELS]),
        {n: table.column(f"{n}_key").to_numpy() for n in CATEGORIES if f"{n}_key" in kept},
        vectors_of(bundle, keys["video"]) if "video" in keys else None,
        groups(keys.get("user", alone), keys.get("video", alone)),
        {},
    )
    return Reference(Basis.TRAINING, columns)


def seasonal_reference(settings: Settings, bundle: Bundle, window: str) -> Reference | str | None:
    """Exposures of the same time of the week, in the newest weeks before `window`; without such a week those of the
    same time of the days before that are of its kind. Where all days before are of the other kind nothing tells a drift
    from a weekend: why there is no reference then. None without any day before.

    Args:
      settings: `monitoring.season_weeks` and the windows to either side, `monitoring.season_margin`.
      bundle: the live release: what it would have said then, with its own vectors, so that a new release is no drift.
      window: the window that is compared.
    """
    knobs = settings.monitoring
    weeks = [_around(window, week * _WEEK, knobs.season_margin) for week in range(1, knobs.season_weeks + 1)]
    days = {day: _around(window, day * _DAY, knobs.season_margin) for day in range(1, _DAYS + 1)}
    alike = [days[day] for day in days_alike(window, knobs.weekend)]
    held = _held(settings)
    for basis, spans in ((Basis.WEEKS, weeks), (Basis.DAYS, alike)):
        found = tuple(span for span in spans if held.intersection(windows.span(*span)))
        if not found:
            continue
        columns = _read(settings, bundle, found)
        if columns is not None and len(columns) >= knobs.min_rows:
            return Reference(basis, columns, found)
    if any(span not in alike and held.intersection(windows.span(*span)) for span in days.values()):
        return "the first weekend, or the first workday after it: no day of its kind was seen at this hour yet"
    return None


def days_alike(window: str, weekend: Sequence[int]) -> list[int]:
    """How many days back the newest days are that are of the same kind as the day of `window`: weekend or not.

    Args:
      window: its day, in UTC, is the one that is asked about.
      weekend: ISO numbers of the days of a weekend.
    """
    day = windows.start(window)
    kinds = [(day - timedelta(days=back)).isoweekday() in weekend for back in range(_DAYS + 1)]
    return [back for back in range(1, _DAYS + 1) if kinds[back] == kinds[0]]


def _around(window: str, back: int, margin: int) -> tuple[str, str]:
    return windows.shift(window, -back - margin), windows.shift(window, -back + margin)


def _held(settings: Settings) -> set[str]:
    """Windows with exposures."""
    return set(open_lake(settings.lake_path).windows("exposures"))


def _read(settings: Settings, bundle: Bundle, spans: tuple[tuple[str, str], ...]) -> Columns | None:
    """Columns of an even sample of every span; equally many of each."""
    each = -(-settings.monitoring.sample_rows // len(spans))
    parts = []
    for number, rows in enumerate(read_rows_of(settings, bundle, spans, each)):
        if not len(rows):
            continue
        kept = rows.take(even_sample(rows.weight, each, settings.seed + number))
        parts.append((kept, columns_of(kept, predict(bundle, kept), bundle)))
    return _joined(parts) if parts else None


def _joined(parts: list[tuple[Rows, Columns]]) -> Columns:
    columns = [part for _, part in parts]
    return Columns(
        np.concatenate([part.features for part in columns]),
        np.concatenate([part.predictions for part in columns if part.predictions is not None]),
        np.concatenate([part.labels for part in columns]),
        {name: np.concatenate([part.categories[name] for part in columns]) for name in CATEGORIES},
        np.concatenate([part.vectors for part in columns if part.vectors is not None]),
        groups(*(np.concatenate([getattr(rows, name) for rows, _ in parts]) for name in ("users", "videos"))),
        {key: name for part in columns for key, name in part.names.items()},
    )
