"""Every expression on DuckDB and on Spark, on the same windows: every row compared. Spark is a cluster of its own."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from feature_repo.aggregates import publish_aggregates
from feature_repo.bots import bot_viewers
from feature_repo.catalogue import catalogue
from feature_repo.compaction import compact
from feature_repo.engine_error import EngineError
from feature_repo.exposures import publish_exposures
from feature_repo.lake_tables import open_tables
from feature_repo.online import apply
from feature_repo.snapshot import write_snapshot
from feature_repo.training_set import ranking_examples, watch_sequences
from feature_repo.user_state import publish_user_state
from homefeed.lake import LakeError
from homefeed.settings import Settings, load
from homefeed.settings.engine import EngineSettings
from tests.conftest import S3
from tests.feature_repo import spark_cluster
from tests.feature_repo.conftest import HandmadeSite, window
from tests.homefeed.store_gate import gate_before

PUBLISHED = ("exposures", "user_aggregates", "video_aggregates", "channel_aggregates", "topic_aggregates", "user_state")
FIRST, LAST = window("19:00"), window("22:30")


def with_evening(site: HandmadeSite) -> list[str]:
    """An evening with all that engines could take differently; returns the windows its events are of.

    A video without a length and one of none, unknown videos, times within a second, two watches at one time, numbers
    that round, lists longer than they are kept, viewers without a profile, and characters outside ASCII.
    """
    for video, channel, topics, length in (
        ("a", "c", ["music"], 100.0),
        ("b", "c", ["games", "music"], 33.3),
        ("d", "e", ["games"], None),
        ("z", "é", ["日本"], 0.0),
    ):
        site.video(video, channel=channel, topics=topics, duration_s=length)
    site.video("b", channel="c", topics=["games", "music"], duration_s=50.0, clock="20:00", withdrawn=True)
    site.user("u", "19:00", blocked_channels=[7, 3])
    site.user("u", "21:00", country=None, age=None)
    for number, (user, video, clock, seconds) in enumerate(
        (
            ("u", "a", "19:05:00.123456", 33.3),
            ("u", "b", "19:05:00.123457", 1.0005),
            ("u", "a", "19:05:59.999999", 5.0),
            ("u", "z", "21:03", 7.0),
            ("w", "d", "21:49:59.5", 4.9999),
            ("w", "d", "21:50:00", 6.0),
            ("w", "unknown", "22:12", 50.0),
            ("v", "a", "22:15", 120.0),
            ("v", "a", "22:21", 289.2855),
            ("v", "a", "22:22", 5.0625),
        )
    ):
        site.impression(user, video, clock, slot=number, score=0.1 * number, request_id=f"ré-{number}", surface="home")
        site.watch(user, video, clock, seconds=seconds)
    for minute in range(8):
        site.video(f"short-{minute}", channel="s", topics=["clips"], duration_s=20.0)
        site.impression("bot", f"short-{minute}", f"20:{minute:02d}", release="r1", propensity=0.25, explored=True)
        site.watch("bot", f"short-{minute}", f"20:{minute:02d}:01", seconds=5.5 + minute)
    for kind, clock in (("subscribe", "21:04"), ("like", "21:05"), ("dislike", "21:05"), ("comment", "21:06")):
        site.feedback("u", "z", clock, kind)
    return site.commit()


@pytest.fixture(scope="module")
def spark_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standalone cluster of two workers, and no Spark left in this process afterwards."""
    with spark_cluster.cluster(tmp_path_factory.mktemp("spark")) as url:
        yield url
        from pyspark.sql import SparkSession

        running = SparkSession.getActiveSession()
        if running is not None:
            running.stop()


@pytest.fixture(scope="module")
def spark(spark_url: str) -> EngineSettings:
    return EngineSettings(kind="spark", spark_master=spark_url, spark_options=spark_cluster.OPTIONS, rows_at_once=0)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, spark: EngineSettings) -> dict[str, Settings]:
    """The same evening, published by each engine in a lake of its own."""
    found = {}
    for name, engine in {"duckdb": EngineSettings(kind="duckdb", rows_at_once=5), "spark": spark}.items():
        settings = load(var=tmp_path_factory.mktemp(name), engine=engine)
        touched = with_evening(HandmadeSite(settings))
        publish_exposures(settings, touched)
        publish_aggregates(settings, touched)
        publish_user_state(settings, touched)
        apply(settings)
        found[name] = settings
    return found


def content(rows: pa.Table) -> list[str]:
    """Rows in a stated order, as text: NaN is equal to itself, and null is not NaN."""
    names = rows.column_names
    return sorted(repr([(n, row[n]) for n in names]) for row in rows.to_pylist())


@pytest.mark.slow
@pytest.mark.timeout(1200)
class TestBothEngines:
    @pytest.mark.parametrize("table", PUBLISHED)
    def test_a_published_table_is_the_same(self, sites: dict[str, Settings], table: str) -> None:
        duckdb, spark = (HandmadeSite(settings).lake.read(table) for settings in sites.values())
        assert duckdb.num_rows > 3
        assert duckdb.schema == spark.schema
        assert content(duckdb) == content(spark)

    def test_training_sets_are_the_same_in_the_same_order(self, sites: dict[str, Settings]) -> None:
        for make in (
            lambda s: ranking_examples(s, FIRST, LAST),
            lambda s: ranking_examples(s, FIRST, LAST, sample=0.5),
            lambda s: watch_sequences(s, LAST),
            lambda s: bot_viewers(s, FIRST, LAST),
            catalogue,
        ):
            duckdb, spark = (make(settings) for settings in sites.values())
            assert duckdb.num_rows > 0
            assert duckdb.schema == spark.schema
            assert list(map(repr, duckdb.to_pylist())) == list(map(repr, spark.to_pylist()))

    def test_a_snapshot_is_the_same(self, sites: dict[str, Settings]) -> None:
        rows = [pa.ipc.open_file(str(write_snapshot(s, LAST))).read_all() for s in sites.values()]
        assert rows[0].num_rows == 11  # one of twelve was withdrawn
        assert list(map(repr, rows[0].to_pylist())) == list(map(repr, rows[1].to_pylist()))

    def test_the_online_metrics_are_the_same(self, sites: dict[str, Settings]) -> None:
        from monitoring.online.exposure_rows import exposure_rows
        from monitoring.online.session_rows import session_rows

        for make, clock in ((exposure_rows, "19:00"), (exposure_rows, "21:40"), (session_rows, "21:30")):
            duckdb, spark = (make(settings, window(clock)) for settings in sites.values())
            assert content(duckdb) == content(spark)

    def test_publishing_again_on_spark_changes_nothing(self, sites: dict[str, Settings]) -> None:
        site = HandmadeSite(sites["spark"])
        before = content(site.lake.read("exposures"))
        publish_exposures(sites["spark"], [window("19:00"), window("21:40")])
        assert content(site.lake.read("exposures")) == before

    @pytest.mark.parametrize("engine", ["duckdb", "spark"])
    def test_compacting_keeps_the_rows_and_leaves_one_file_a_window(
        self, sites: dict[str, Settings], engine: str
    ) -> None:
        lake = HandmadeSite(sites[engine]).lake
        deltalake.write_deltalake(lake.location("watches"), lake.read("watches", (FIRST, FIRST))[:1], mode="append")
        before = content(lake.read("watches"))
        assert compact(sites[engine], "watches") == [FIRST]
        assert content(lake.read("watches")) == before
        assert len(lake.files("watches")) == len(lake.windows("watches"))

    def test_null_is_not_nan(self, sites: dict[str, Settings]) -> None:
        for settings in sites.values():
            with open_tables(settings) as tables:
                rows = tables.memory(pa.table({"x": pa.array([1.0, None, math.nan], pa.float64())}))
                assert tables.value(rows.filter(rows.x.isnull()).count()) == 1
                assert tables.value(rows.x.count()) == 2

    def test_rows_that_workers_wrote_elsewhere_are_missed_and_nothing_is_committed(
        self, sites: dict[str, Settings]
    ) -> None:
        lake = HandmadeSite(sites["spark"]).lake
        version = lake.version("exposures")
        with pytest.raises(LakeError, match="2 rows of exposures were written and .* holds 0; nothing was committed"):
            lake.adopt("exposures", [FIRST], lake.draft("exposures"), 2)
        assert lake.version("exposures") == version


@pytest.mark.slow
@pytest.mark.timeout(1200)
class TestSparkOnAStore:
    """Workers read and write the lake's files in an S3-compatible store."""

    def test_tables_are_those_that_duckdb_makes_on_a_disk(
        self, sites: dict[str, Settings], spark: EngineSettings, s3: S3, tmp_path: Path
    ) -> None:
        settings = load(var=tmp_path, engine=spark, storage=s3.storage(s3.bucket()))
        site = HandmadeSite(settings)
        touched = with_evening(site)
        publish_exposures(settings, touched)
        publish_user_state(settings, touched)
        publish_exposures(settings, [window("19:00"), window("21:40")])
        for table in ("exposures", "user_state"):
            assert content(site.lake.read(table)) == content(HandmadeSite(sites["duckdb"]).lake.read(table))
        assert not (tmp_path / "lake").exists()

    def test_a_store_that_refuses_a_worker_is_told_and_nothing_is_committed(
        self, spark: EngineSettings, s3: S3, tmp_path: Path
    ) -> None:
        with gate_before(s3.endpoint) as gate:
            settings = load(var=tmp_path, engine=spark, storage=s3.storage(s3.bucket(), endpoint_url=gate.endpoint))
            site = HandmadeSite(settings)
            site.video("a")
            site.impression("u", "a", "19:05")
            touched = site.commit()
            for refused, told in (
                ("^(PUT|POST) .*/exposures/part-", "written"),
                ("^GET .*/impressions/window", "read"),
            ):
                gate.refuse(refused)
                with pytest.raises(EngineError, match=rf"s3://.*parquet cannot be {told}: the store refuses") as error:
                    publish_exposures(settings, touched)
                assert "test-secret" not in str(error.value)
                gate.refuse("")
                assert site.lake.version("exposures") == -1
            publish_exposures(settings, touched)
            assert site.lake.read("exposures").num_rows == 1


@pytest.mark.parametrize(
    ("master", "message"),
    [
        ("spark://127.0.0.1:9", "no Spark master answers at spark://127.0.0.1:9 .*HOMEFEED_ENGINE__SPARK_MASTER"),
        ("spark://nowhere", "no Spark master answers at spark://nowhere"),
    ],
)
def test_a_master_that_is_not_there_is_named(settings: Settings, master: str, message: str) -> None:
    engine: Any = EngineSettings(kind="spark", spark_master=master)
    with pytest.raises(EngineError, match=message):
        open_tables(settings.model_copy(update={"engine": engine}))


def test_the_profile_chooses_the_engine_and_a_setting_wins() -> None:
    assert load().resolved_engine.kind == "duckdb"
    assert load(profile="cluster").resolved_engine.kind == "spark"
    assert load(profile="cluster", engine={"kind": "duckdb"}).resolved_engine.kind == "duckdb"
