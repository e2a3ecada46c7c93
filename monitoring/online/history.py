"""Online metrics of the past: of each window, or of a range of them taken together."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.lake import open_lake
from homefeed.settings import Settings

_KEYS = ["release", "arm", "slice", "metric"]


def online_metrics(
    settings: Settings, first: str, last: str, *, release: str = "", arm: str = "", slice_name: str = "all"
) -> pa.Table:
    """Rows of table `online_metrics` of windows `first` to `last`, by window; empty when none was measured.

    Args:
      settings: the settings tree.
      first, last: windows, both included.
      release: only of this one; empty takes all.
      arm: only of `<experiment>/<arm>`; empty takes all.
      slice_name: only of this slice, such as `all` or `device=tv`; empty takes all.
    """
    rows = open_lake(settings.lake_path).read("online_metrics", (first, last))
    for column, wanted in (("release", release), ("arm", arm), ("slice", slice_name)):
        if wanted:
            rows = rows.filter(pc.equal(rows[column], wanted))
    return rows.sort_by([(name, "ascending") for name in ("window", *_KEYS)])


def together(rows: pa.Table) -> pa.Table:
    """Rows of several windows taken together: one row per release, arm, slice and metric.

    Numerators and denominators add up, so a viewer of three windows counts as three viewer-windows, and the interval
    takes windows to be independent. Coverage is the mean of the windows, weighted by nothing else than their catalogue.

    Returns:
      The columns of `online_metrics`, with `num_windows` in place of `window`.
    """
    half = pc.divide(pc.subtract(rows["high"], rows["low"]), 2.0)
    spread = pc.power(pc.multiply(half, rows["denominator"]), 2.0)
    grouped = (
        rows.append_column("spread", spread)
        .group_by(_KEYS)
        .aggregate(
            [
                ("numerator", "sum"),
                ("denominator", "sum"),
                ("num_viewers", "sum"),
                ("spread", "sum", pc.ScalarAggregateOptions(min_count=1)),
                ("window", "count_distinct"),
            ]
        )
    )
    below = grouped["denominator_sum"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = grouped["numerator_sum"].to_numpy() / below
        half = np.sqrt(grouped["spread_sum"].to_numpy().astype(np.float64)) / below
    return pa.table(
        {
            **{key: grouped[key] for key in _KEYS},
            "value": pa.array(value, from_pandas=True),
            "low": pa.array(value - half, from_pandas=True),
            "high": pa.array(value + half, from_pandas=True),
            "numerator": grouped["numerator_sum"],
            "denominator": grouped["denominator_sum"],
            "num_viewers": grouped["num_viewers_sum"],
            "num_windows": grouped["window_count_distinct"],
        }
    ).sort_by([(key, "ascending") for key in _KEYS])
