"""Columns of today beside those of one reference: what drifted, by how much, and which slice went away."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings
from monitoring.drift.columns import CATEGORIES, FEATURES, LABELS, METHODS, PREDICTIONS, Columns, components
from monitoring.drift.distance import Floats, Groups, mean_variance, number_distances, rate_distances, share_distance

#: Values of a category that are slices of their own, the most frequent of the reference.
_MOST_VALUES = 5
#: There are a hundred times as many columns in slices as there are columns: chance has to be that much less likely.
_SLICE_CHANCE = 1.5
#: A slice is gone with fewer than this share of the exposures it had in the reference.
_GONE = 0.1


@dataclass(frozen=True)
class ColumnDrift:
    """One column.

    Attributes:
      name: of the column, such as `video_watches_1h`; in a slice `<slice>: <column>`.
      kind: of `monitoring.drift.columns.METHODS`.
      distance: by that kind's method.
      bound: above it the column drifted: the threshold of its kind, or what chance makes of so few viewers if that is
        more.
      detail: what a person reads of it, such as the share that moved most; may be empty.
      is_explained: whether it is like what the release was made from, where that settles it.
    """

    name: str
    kind: str
    distance: float
    bound: float
    detail: str = ""
    is_explained: bool = False

    @property
    def is_drifted(self) -> bool:
        """Whether it is beyond its bound and nothing explains that."""
        return self.distance > self.bound and not self.is_explained

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"is_drifted": self.is_drifted, "method": METHODS[self.kind]}


def compare(settings: Settings, today: Columns, before: Columns) -> tuple[list[ColumnDrift], list[str]]:
    """Every column, and the slices in which others moved than on the whole.

    Returns:
      The columns, and names of those that could not be compared with why.
    """
    found = [*_numbers(settings, today, before), *_categories(settings, today, before)]
    drifted = {column.name for column in found if column.is_drifted}
    found += _slices(settings, today, before, drifted)
    known = [column for column in found if np.isfinite(column.distance)]
    missing = [f"{c.name}: nothing to compare on one side" for c in found if not np.isfinite(c.distance)]
    missing += [f"{name}: not in the reference" for name in CATEGORIES if name not in before.categories]
    if before.vectors is None:
        missing.append("embeddings: not in the reference")
    return known, missing


def _numbers(settings: Settings, today: Columns, before: Columns) -> Iterator[ColumnDrift]:
    knobs = settings.monitoring
    for kind, names, mine, theirs in _kinds(today, before):
        is_rate = kind == "labels"
        measure = rate_distances if is_rate else number_distances
        distances = measure(mine, theirs, today.groups, before.groups)
        threshold = knobs.drift_rate_threshold if is_rate else knobs.drift_threshold
        bounds = np.fmax(threshold, knobs.drift_chance * distances.chance)
        yield from map(ColumnDrift, names, [kind] * len(names), distances.values.tolist(), bounds.tolist())


def _kinds(today: Columns, before: Columns) -> Iterator[tuple[str, tuple[str, ...], Floats, Floats]]:
    yield "features", FEATURES, today.features, before.features
    if today.predictions is not None and before.predictions is not None:
        yield "predictions", PREDICTIONS, today.predictions, before.predictions
    yield "labels", LABELS, today.labels, before.labels
    if today.vectors is not None and before.vectors is not None:
        mine, theirs = components(before.vectors, today.vectors, before.vectors)
        yield "embeddings", tuple(f"embedding_{i + 1}" for i in range(mine.shape[1])), mine, theirs


def _categories(settings: Settings, today: Columns, before: Columns) -> Iterator[ColumnDrift]:
    knobs = settings.monitoring
    for name in CATEGORIES:
        if name in today.categories and name in before.categories:
            distance, chance, shares = share_distance(
                today.categories[name], before.categories[name], today.groups, before.groups
            )
            bound = max(knobs.drift_share_threshold, knobs.drift_chance / 2 * chance)
            yield ColumnDrift(name, "categories", distance, bound, _moved(shares, {**before.names, **today.names}))


def _moved(shares: dict[int, tuple[float, float]], names: dict[int, str]) -> str:
    """The value whose share moved most, in words."""
    if not shares:
        return ""
    key, (then, now) = max(shares.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    name = "all others" if key == -1 else names.get(key, "unknown" if key == 0 else f"#{key & 0xFFFF:04x}")
    return f"{name} {then:.1%} to {now:.1%}"


def _slices(settings: Settings, today: Columns, before: Columns, drifted: set[str]) -> Iterator[ColumnDrift]:
    """Columns that moved in a slice alone, and slices that are gone."""
    knobs = settings.monitoring
    for name, mine, theirs in slices_of(today, before, settings.serving.new_impressions):
        gone = _gone(name, mine, theirs, today.groups, before.groups, knobs.drift_slice_rows)
        if gone is not None:
            yield gone
        if min(mine.sum(), theirs.sum()) < knobs.drift_slice_rows:
            continue
        now, then = today.take(mine), before.take(theirs)
        for kind, names, current, reference in _kinds(now, then):
            if kind in ("labels", "embeddings"):
                continue
            distances = number_distances(current, reference, now.groups, then.groups)
            bounds = np.fmax(knobs.drift_threshold, _SLICE_CHANCE * knobs.drift_chance * distances.chance)
            for column in np.flatnonzero(distances.values > bounds):
                if names[column] not in drifted:
                    where = f"{name}: {names[column]}"
                    yield ColumnDrift(where, "slices", float(distances.values[column]), float(bounds[column]))


def slices_of(
    today: Columns, before: Columns, new_impressions: int
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Name of a slice and its exposures [n] and [m]: new viewers, cold videos, and the most frequent devices, countries
    and sources of the reference."""
    history, impressions = FEATURES.index("history_size"), FEATURES.index("video_impressions_7d")
    least = np.log1p(new_impressions)
    yield "new_viewers", today.features[:, history] == 0, before.features[:, history] == 0
    yield "cold_videos", today.features[:, impressions] < least, before.features[:, impressions] < least
    names = {**before.names, **today.names}
    for category in ("device", "country", "source"):
        if category not in before.categories or category not in today.categories:
            continue
        values, counts = np.unique(before.categories[category], return_counts=True)
        for value in values[np.argsort(-counts, kind="stable")[:_MOST_VALUES]].tolist():
            name = names.get(value, "unknown" if value == 0 else f"#{value & 0xFFFF:04x}")
            yield f"{category}_{name}", today.categories[category] == value, before.categories[category] == value


def _gone(
    name: str, mine: NDArray[np.bool_], theirs: NDArray[np.bool_], now: Groups, then: Groups, least: int
) -> ColumnDrift | None:
    """A slice that should have `least` exposures by its share in the reference, and has hardly any."""
    share, before = float(mine.mean()), float(theirs.mean())
    if before * len(mine) < least or share >= _GONE * before:
        return None
    # Chance by the reference's own spread: today nothing may be left to estimate it from.
    variance = mean_variance(theirs[:, None].astype(np.float64), then)[0]
    viewers = max(int(now.viewers.max(initial=0)) + 1, 1)
    chance = 4 * float(np.sqrt(variance * (1 + (int(then.viewers.max(initial=0)) + 1) / viewers)))
    words = f"the slice is gone: {before:.1%} of the exposures before, {share:.1%} now"
    return ColumnDrift(name, "slices", before - share, max(_GONE * before, chance), words)
