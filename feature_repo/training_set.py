"""Training sets: exposures with the features as they were at the time of each, and watches in order."""

from collections.abc import Mapping, Sequence

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr.types import BooleanValue, Table

from feature_repo.catalogue import newest_videos
from feature_repo.lake_tables import open_tables
from feature_repo.store import feature_store
from homefeed.errors import HomefeedError
from homefeed.features import ENTITIES, aggregate_columns
from homefeed.settings import Settings

#: Hash of an event id modulo this decides which missed exposures are kept.
_BUCKETS = 1_000_000


class TrainingSetError(HomefeedError):
    """A training set cannot be made as asked."""


def ranking_examples(
    settings: Settings,
    first: str,
    last: str,
    versions: Mapping[str, int] | None = None,
    sample: float | None = None,
    only: Sequence[str] | None = None,
) -> pa.Table:
    """Exposures of windows `first` to `last` with their point-in-time features, in order of time and event id.

    Args:
      settings: the settings tree.
      first, last: first and last window, both included.
      versions: version of each lake table to read; the newest where none is given.
      sample: share of the exposures without any reaction that is kept (0 < sample <= 1), chosen by a hash of the event
        id, so that the same ones are kept every time. None keeps all.
      only: of these windows between the two; None is every one.

    Returns:
      The columns of `exposures`; of the video `channel`, `topic`, `duration_s`, `uploaded` and `video_language`; of the
      viewer `country`, `language`, `age`, `history_videos`, `history_times`, `history_fractions` and
      `subscribed_channels` (null where the viewer was new); every aggregate column (0 where nothing was known yet);
      and `weight`, one over the share kept. Exposures of videos without a catalogue row are left out: nothing is known
      about them.

    Raises:
      TrainingSetError: `sample` is not a share.
      LakeError: a table has no such version.
    """
    return with_features(settings, ranking_rows(settings, first, last, versions, sample, only), versions)


def ranking_rows(
    settings: Settings,
    first: str,
    last: str,
    versions: Mapping[str, int] | None = None,
    sample: float | None = None,
    only: Sequence[str] | None = None,
) -> pa.Table:
    """`ranking_examples` before their features are joined: exposures, columns of the video, and `weight`."""
    if sample is not None and not 0 < sample <= 1:
        raise TrainingSetError(f"a sample of {sample} is not a share of the missed exposures; it lies above 0, up to 1")
    with open_tables(settings, versions) as tables:
        exposures = tables.table("exposures", first, last)
        if only is not None:
            exposures = exposures.filter(exposures.window.isin(list(only)))
        if sample is not None:
            reacted = _reacted(exposures)
            exposures = exposures.mutate(weight=reacted.ifelse(1.0, 1.0 / sample).cast("float32"))
            exposures = exposures.filter(reacted | (_bucket(exposures) < round(sample * _BUCKETS)))
        else:
            exposures = exposures.mutate(weight=ibis.literal(1.0, "float32"))
        videos = newest_videos(tables.table("videos")).select(
            "video", "channel", "duration_s", "uploaded", topic=lambda t: t.topics[0], video_language="language"
        )
        return tables.run(exposures.join(videos, "video").order_by("time", "event_id"))


def with_features(settings: Settings, rows: pa.Table, versions: Mapping[str, int] | None = None) -> pa.Table:
    """`rows` of `ranking_rows` with their point-in-time features behind their columns."""
    features = features_at(settings, rows, versions)
    for name in features.column_names:
        rows = rows.append_column(name, features.column(name))
    return rows


def watch_sequences(settings: Settings, last: str, versions: Mapping[str, int] | None = None) -> pa.Table:
    """Watches of at least `min_watch_s` up to the end of window `last`, of videos in the catalogue, for the retriever.

    Returns:
      `user`, `video`, `time`, `fraction` (of the video that was watched, 0 to 1, float32) and `window`, in order of
      user, time and event id.
    """
    with open_tables(settings, versions) as tables:
        watches = tables.table("watches", None, last).filter(lambda t: t.seconds >= settings.features.min_watch_s)
        watches = watches.join(newest_videos(tables.table("videos")).select("video", "duration_s"), "video")
        ordered = watches.order_by("user", "time", "event_id")
        return tables.run(ordered.select("user", "video", "time", fraction=watched_fraction(ordered), window="window"))


def watched_fraction(watches: Table) -> ibis.expr.types.FloatingValue:
    """Share of the video that was watched, at most 1; a video of length zero is watched whole."""
    share = ibis.least(watches.seconds / watches.duration_s, 1.0)
    return (watches.duration_s > 0).ifelse(share, 1.0).cast("float32")


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5_number_lower(text: str) -> int:  # type: ignore[empty-body]
    """Lower 64 bits of MD5, as the keys of `homefeed.ids` are made."""


def _bucket(exposures: Table) -> ibis.expr.types.IntegerValue:
    return md5_number_lower(exposures.event_id) % _BUCKETS


def _reacted(exposures: Table) -> BooleanValue:
    """Whether anything followed: such rows are rare, so all are kept, also those that were only dismissed."""
    return exposures.watched | exposures.liked | exposures.subscribed | exposures.shared | exposures.dismissed


def features_at(settings: Settings, rows: pa.Table, versions: Mapping[str, int] | None = None) -> pa.Table:
    """Features of service `ranking` at the `time` of each of `rows`, in the same order; aggregates not known yet are 0.

    Args:
      settings: the settings tree.
      rows: `time` and the keys of `homefeed.features.ENTITIES`.
      versions: version of each lake table to read; the newest where none is given.
    """
    entities = pa.table(
        {
            "row": pa.array(range(rows.num_rows), pa.int64()),
            "event_timestamp": rows.column("time"),
            **{name: rows.column(name) for name in ENTITIES},
        }
    ).to_pandas()
    store = feature_store(settings, versions)
    features = store.get_historical_features(entities, store.get_feature_service("ranking")).to_arrow()
    features = features.take(pc.sort_indices(features.column("row"))).drop_columns(list(entities.columns))
    zero = pa.scalar(0.0, pa.float32())
    for name in (column for entity in ENTITIES for column in aggregate_columns(entity)):
        index = features.schema.get_field_index(name)
        features = features.set_column(index, name, pc.fill_null(features.column(name), zero))
    return features
