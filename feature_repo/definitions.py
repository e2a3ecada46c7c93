"""Feast's view of the lake: entities, feature views and feature services. `feast apply` reads this file only.

A source names a lake table; `feature_repo.offline_store` finds it, at the version that the reader asks for. No view
has a time to live: the newest row of an entity is its exact value however old it is (`feature_repo.aggregates`).
"""

import pyarrow as pa
from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import DeltaFormat
from feast.types import Array, FeastType, Float32, Int32, Int64, String

from homefeed.features import ENTITIES, RANKING_STATE
from homefeed.schema import TABLES

#: Columns of a lake table that are no features.
_NOT_FEATURES = {"window", "event_timestamp", *ENTITIES}
_TYPES: dict[pa.DataType, FeastType] = {
    pa.string(): String,
    pa.float32(): Float32,
    pa.int16(): Int32,
    pa.int64(): Int64,
    pa.list_(pa.int64()): Array(Int64),
    pa.list_(pa.float32()): Array(Float32),
}

entities = {
    name: Entity(name=name, join_keys=[name], value_type=ValueType.STRING if name == "topic" else ValueType.INT64)
    for name in ENTITIES
}


def _view(table: str, entity: str, online: bool) -> FeatureView:
    """The feature view of one lake table, with every column that is not a key as a feature."""
    columns = [field for field in TABLES[table] if field.name not in _NOT_FEATURES]
    return FeatureView(
        name=table,
        entities=[entities[entity]],
        schema=[
            Field(name=entity, dtype=String if entity == "topic" else Int64),
            *(Field(name=field.name, dtype=_TYPES[field.type]) for field in columns),
        ],
        source=FileSource(name=table, path=table, file_format=DeltaFormat(), timestamp_field="event_timestamp"),
        online=online,
        ttl=None,
    )


#: Candidates never go through the online store (a row costs 0.1 ms there), so only the viewer's rows are in it.
user_state = _view("user_state", "user", online=True)
user_aggregates = _view("user_aggregates", "user", online=True)
video_aggregates = _view("video_aggregates", "video", online=False)
channel_aggregates = _view("channel_aggregates", "channel", online=False)
topic_aggregates = _view("topic_aggregates", "topic", online=False)

viewer = FeatureService(name="viewer", features=[user_state, user_aggregates])
ranking = FeatureService(
    name="ranking",
    features=[
        user_state[list(RANKING_STATE)],
        user_aggregates,
        video_aggregates,
        channel_aggregates,
        topic_aggregates,
    ],
)

views = [user_state, user_aggregates, video_aggregates, channel_aggregates, topic_aggregates]
online_views = [view.name for view in views if view.online]
