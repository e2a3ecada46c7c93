"""The online metrics of one window, per release, per arm of each experiment, and per slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.catalogue import catalogue
from homefeed import windows
from homefeed.experiments import arm_codes
from homefeed.lake import open_lake
from homefeed.registry import Experiment, open_registry
from homefeed.schema.tables import ONLINE_METRICS
from homefeed.settings import Settings
from monitoring.online.exposure_rows import exposure_rows
from monitoring.online.metrics import METRICS
from monitoring.online.ratios import Ratios, numbers, viewer_sums
from monitoring.online.session_rows import session_rows
from monitoring.online.spread import spread

_TABLE = "online_metrics"


@dataclass(frozen=True)
class _Grouping:
    """A way to part n rows: [n] codes, -1 for none, and the release and arm that each code stands for."""

    codes: NDArray[np.int64]
    labels: list[tuple[str, str]]


def publish_served_windows(settings: Settings, published: Sequence[str]) -> list[dict[str, Any]]:
    """Measure those of the `published` windows in which a release was live: a history that was imported has none."""
    first = open_registry(settings.resolved_registry_url).first_live_at()
    served = [w for w in published if first is not None and windows.end(w) > first]
    return [publish_online_metrics(settings, window) for window in served]


def publish_online_metrics(settings: Settings, window: str) -> dict[str, Any]:
    """Measure `window` and replace it in table `online_metrics`, in one commit; a window without exposures is empty.

    Returns:
      The window, the number of rows, and the version of the table.

    Raises:
      LakeError: the table cannot be written.
    """
    experiments = open_registry(settings.resolved_registry_url).experiments.between(
        windows.start(window), windows.end(window)
    )
    exposures, sessions = exposure_rows(settings, window), session_rows(settings, window)
    parts = [
        *_ratios(settings, "exposures", exposures, _exposure_columns(exposures), experiments),
        *_ratios(settings, "sessions", sessions, _session_columns(sessions), experiments),
        *_spread(settings, window, exposures, experiments),
    ]
    rows = pa.concat_tables(parts) if parts else ONLINE_METRICS.empty_table().drop("window")
    rows = rows.append_column("window", pa.array([window] * rows.num_rows, pa.string()))
    version = open_lake(settings.lake_path).replace(_TABLE, [window], rows)
    return {"window": window, "rows": rows.num_rows, "version": version}


def _ratios(
    settings: Settings,
    of: str,
    rows: pa.Table,
    columns: dict[str, NDArray[np.float64]],
    experiments: Sequence[Experiment],
) -> list[pa.Table]:
    if not rows.num_rows:
        return []
    users, parts = rows["user"].to_numpy(), []
    for grouping in _groupings(rows, experiments):
        for slice_codes, names in _slices(rows, settings.online.max_countries):
            both = np.where(
                (grouping.codes >= 0) & (slice_codes >= 0), grouping.codes * len(names) + slice_codes, np.int64(-1)
            )
            if not grouping.labels or not names:
                continue
            labels = [(*label, name) for label in grouping.labels for name in names]
            sums = viewer_sums(users, both, columns, len(labels))
            for metric in METRICS:
                if metric.of == of:
                    found = sums.ratios(metric.numerator, metric.denominator, settings.online.confidence)
                    parts.append(_table(metric.name, found, labels))
    return parts


def _spread(settings: Settings, window: str, rows: pa.Table, experiments: Sequence[Experiment]) -> list[pa.Table]:
    if not rows.num_rows:
        return []
    knobs, servable = settings.online, catalogue(settings, windows.end(window)).num_rows
    users, videos = rows["user"].to_numpy(), rows["video"].to_numpy()
    parts = []
    for grouping in _groupings(rows, experiments):
        labels = [(*label, "all") for label in grouping.labels]
        found = spread(users, videos, grouping.codes, len(labels), servable, knobs.top_share, knobs.confidence)
        parts += [_table(name, ratios, labels) for name, ratios in found.items()]
    return parts


def _groupings(rows: pa.Table, experiments: Sequence[Experiment]) -> list[_Grouping]:
    codes, releases = _codes(rows["release"])
    groupings = [_Grouping(codes, [(release, "") for release in releases])]
    users = rows["user"].to_numpy()
    for experiment in experiments:
        arms = experiment.arm_list
        labels = [("", f"{experiment.name}/{arm.name}") for arm in arms]
        groupings.append(_Grouping(arm_codes(experiment.layer, arms, users), labels))
    return groupings


def _slices(rows: pa.Table, max_countries: int) -> list[tuple[NDArray[np.int64], list[str]]]:
    """Codes and names of every slice: everyone, then by device, country and whether the viewer is known."""
    slices = [(np.zeros(rows.num_rows, np.int64), ["all"])]
    for column, most in (("device", None), ("country", max_countries)):
        codes, names = _codes(rows[column])
        if most is not None and len(names) > most:
            kept = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(names)), kind="stable")[:most]
            place = np.full(len(names) + 1, -1, np.int64)
            place[kept] = np.arange(most)
            codes, names = place[codes], [names[i] for i in kept]
        slices.append((codes, [f"{column}={name}" for name in names]))
    if rows["is_known"].null_count == 0:
        slices.append((rows["is_known"].to_numpy().astype(np.int64), ["viewer=new", "viewer=known"]))
    return slices


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """[n] text -> [n] codes, -1 for null, and what each stands for."""
    encoded = column.combine_chunks().dictionary_encode()
    return pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _exposure_columns(rows: pa.Table) -> dict[str, NDArray[np.float64]]:
    flags = ("watched", "liked", "subscribed", "commented", "dismissed", "is_novel", "is_fresh")
    columns = {name: numbers(rows[name]) for name in (*flags, "watch_s")}
    return columns | {
        "impressions": np.ones(rows.num_rows),
        "missed": 1 - columns["watched"],
        "watched_and_subscribed": columns["watched"] * columns["subscribed"],
    }


def _session_columns(rows: pa.Table) -> dict[str, NDArray[np.float64]]:
    return {name: numbers(rows[name]) for name in ("watch_s", "is_successful")} | {"sessions": np.ones(rows.num_rows)}


def _table(metric: str, found: Ratios, labels: list[tuple[str, str, str]]) -> pa.Table:
    """Rows of one metric: groups without a viewer are left out."""
    release, arm, name = (list(column) for column in zip(*labels, strict=True))
    table = pa.table(
        {
            "release": pa.array(release, pa.string()),
            "arm": pa.array(arm, pa.string()),
            "slice": pa.array(name, pa.string()),
            "metric": pa.array([metric] * len(labels), pa.string()),
            **{
                name: pa.array(getattr(found, name), from_pandas=True)
                for name in ("value", "low", "high", "numerator", "denominator", "num_viewers")
            },
        }
    )
    return table.filter(pc.greater(table["num_viewers"], 0))
