"""Feast's offline store over the lake, on the engine of the settings; the point-in-time join is the engine's.

Feast's own DuckDB store joins every row of an entity that is not newer than the example and then keeps the newest: with
288 rows per topic that is 288 times the examples. An ASOF join finds the same row directly. And it reads a Delta table
through the `delta` extension, which DuckDB fetches from the network; here the lake says which files a version has.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.ibis import IbisRetrievalJob, deduplicate
from feast.infra.offline_stores.offline_store import RetrievalJob
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from ibis.expr.types import Table
from pydantic import Field

from feature_repo.engine import open_engine
from feature_repo.lake_tables import LakeTables
from homefeed.errors import HomefeedError
from homefeed.lake import open_lake
from homefeed.schema import TIME
from homefeed.settings.engine import EngineSettings
from homefeed.settings.storage import LAKES
from homefeed.windows import shift, window_of


class OfflineStoreError(HomefeedError):
    """Feast asks the offline store for something that it does not do."""


class LakeOfflineStoreConfig(FeastConfigBaseModel):
    """How Feast's configuration names the lake.

    Attributes:
      lake: folder of the Delta tables, or its URL in an object store.
      engine: which engine, and its knobs.
      spill: folder for what does not fit into the engine's memory.
      versions: version of each table to read; the newest where none is given.
    """

    type: str = "feature_repo.offline_store.LakeOfflineStore"
    lake: str
    engine: EngineSettings
    spill: str
    versions: dict[str, int] = Field(default_factory=dict)
    staging_location: str | None = None
    staging_location_endpoint_override: str | None = None


class LakeOfflineStore(DuckDBOfflineStore):
    """Reads feature views from the lake; nothing is written through it."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:
        """The newest feature row of each entity at or before the time of each row of `entity_df`.

        Raises:
          OfflineStoreError: the entities are not a data frame, or an option is used that views of the lake do not have.
        """
        if not isinstance(entity_df, pd.DataFrame) or full_feature_names or filter_by_created_timestamp:
            raise OfflineStoreError("the lake's offline store takes a data frame of entities and no further options")
        at = infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))
        tables = _tables(config)
        rows: Table = tables.memory(_arrow(entity_df))
        for view in feature_views:
            prefix = f"{view.projection.name_to_use()}:"  # type: ignore[no-untyped-call]
            features = [ref.removeprefix(prefix) for ref in feature_refs if ref.startswith(prefix)]
            rows = _newest_before(tables, rows, view, features, at)
        return _job(tables, rows, config)

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """The newest row of each entity with `start_date <= timestamp <= end_date`: what materialisation writes."""
        # A row stands at the end of its window, so the window before a time is the first that can have one.
        first, last = shift(window_of(start_date), -1), window_of(end_date)
        tables = _tables(config)
        table = tables.table(_name(data_source), first, last)
        table = table.select(*join_key_columns, *feature_name_columns, timestamp_field)
        table = table.filter(table[timestamp_field].between(ibis.literal(start_date), ibis.literal(end_date)))
        return _job(tables, deduplicate(table, join_key_columns, timestamp_field, created_timestamp_column), config)


def _newest_before(tables: LakeTables, rows: Table, view: FeatureView, features: list[str], at: str) -> Table:
    if view.ttl:
        raise OfflineStoreError(
            f"feature view {view.name} has a time to live; the newest row of the lake never expires"
        )
    keys: Mapping[str, str] = view.projection.join_key_map or {e.name: e.name for e in view.entity_columns}
    if view.batch_source is None:
        raise OfflineStoreError(f"feature view {view.name} has no source in the lake")
    table, stamp = tables.table(_name(view.batch_source)), view.batch_source.timestamp_field
    known = table.select(_at=table[stamp], **{f"_{key}": table[key] for key in keys}, **{f: table[f] for f in features})
    return tables.newest_before(rows, known, at, keys)


def _tables(config: RepoConfig) -> LakeTables:
    # The engine lives as long as the retrieval job whose expression refers to it.
    store = config.offline_store
    lake = open_lake(LAKES.get(store.lake, Path(store.lake)))
    return LakeTables(lake, open_engine(store.engine, Path(store.spill)), store.versions)


def _name(source: DataSource | None) -> str:
    if not isinstance(source, FileSource):
        raise OfflineStoreError(f"a feature view of the lake has a FileSource that names a table, not {source!r}")
    return str(source.path)


class LakeRetrievalJob(IbisRetrievalJob):
    """Rows by the engine that made their expression, as Arrow."""

    def __init__(self, tables: LakeTables, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tables = tables

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._tables.run(self.table)

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()


def _arrow(entities: pd.DataFrame) -> pa.Table:
    """Entities with the lake's types: times without a zone are UTC, as Feast has it, and a text that has no value yet
    is a text."""
    rows = pa.Table.from_pandas(entities, preserve_index=False)
    types = [
        TIME if pa.types.is_timestamp(f.type) else pa.string() if pa.types.is_null(f.type) else f.type
        for f in rows.schema
    ]
    return rows.cast(pa.schema(list(zip(rows.column_names, types, strict=True))), safe=False)


def _job(tables: LakeTables, rows: Table, config: RepoConfig) -> RetrievalJob:
    def refuse(*_: object) -> None:
        raise OfflineStoreError("the lake is written by feature_repo.publish only, not by Feast")

    return LakeRetrievalJob(tables, rows, [], False, None, refuse, None, None, str(config.repo_path))
