"""Feast of the cluster profile: features in a real Redis, registry in a real PostgreSQL."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feature_repo.online import UserStore
from feature_repo.publish import publish
from feature_repo.store import FeatureStoreError, configuration, feature_store
from feature_repo.training_set import ranking_examples
from homefeed import ids
from homefeed.settings import Settings, load
from homefeed.settings.engine import EngineSettings
from homefeed.settings.features import FeatureSettings
from serving.viewer import Viewers, open_online_store
from tests import servers
from tests.conftest import missing
from tests.feature_repo.conftest import HandmadeSite, window


@pytest.fixture(scope="module")
def database() -> Iterator[int]:
    """Port of a PostgreSQL with database `feast`."""
    programs = servers.postgresql_folder()
    if programs is None:
        missing("PostgreSQL is not installed; Debian's package postgresql has it")
    assert programs is not None
    with servers.postgresql(programs, "feast") as port:
        yield port


@pytest.fixture
def redis_server(program: Callable[[str], str], tmp_path: Path) -> Iterator[servers.Redis]:
    """A Redis that keeps what it has when it is lost."""
    server = servers.Redis(program("redis-server"), tmp_path, "--appendonly", "yes", "--requirepass", "secret")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cluster(settings: Settings, database: int, redis_server: servers.Redis) -> Settings:
    """The cluster profile with both servers; window queries stay on DuckDB, which the settings allow."""
    features = FeatureSettings(
        online_url=f"127.0.0.1:{redis_server.port},password=secret",
        feast_registry_url=f"postgresql+psycopg://homefeed:homefeed@127.0.0.1:{database}/feast",
    )
    # A busy machine must not lose a viewer where the test is about something else.
    serving = settings.serving.model_copy(update={"viewer_timeout_s": 5.0})
    duckdb = EngineSettings(kind="duckdb")
    return load(profile="cluster", var=settings.var, features=features, engine=duckdb, serving=serving)


def changed(settings: Settings, **knobs: str) -> Settings:
    return settings.model_copy(update={"features": settings.features.model_copy(update=knobs)})


def watched(site: HandmadeSite) -> list[str]:
    """One viewer who watched one video, published."""
    site.video("a")
    site.user("u", "19:00")
    site.impression("u", "a", "19:05")
    site.watch("u", "a", "19:05:30", seconds=33.3)
    return site.commit(watermark="19:20")


def test_a_viewer_is_materialised_and_read_and_training_reads_the_same(cluster: Settings) -> None:
    site = HandmadeSite(cluster)
    report = publish(cluster, watched(site))
    assert report.online_rows == 2  # one viewer in two views
    row = UserStore(cluster).read("u")
    assert row["known"]
    assert row["watched_videos"] == [ids.key("a")]
    assert row["user_watches_24h"] == 1.0
    assert not UserStore(cluster).read("nobody")["known"]
    assert publish(cluster, [window("19:05")]).online_rows == 2, "doing it again changes nothing"
    assert UserStore(cluster).read("u") == row
    assert ranking_examples(cluster, window("19:00"), window("19:00")).num_rows == 1
    assert not (cluster.feast_path / "registry.db").exists(), "the registry is in PostgreSQL only"
    assert (cluster.feast_path / "feature_store.yaml").stat().st_mode & 0o077 == 0, "it holds passwords"


def test_redis_is_lost_and_comes_back(cluster: Settings, redis_server: servers.Redis) -> None:
    """A reader is told at once, a publication names the server, and both go on when it is there again."""
    site = HandmadeSite(cluster)
    publish(cluster, watched(site))
    store = UserStore(cluster)
    row = store.read("u")
    redis_server.stop()
    with pytest.raises(Exception, match="[Cc]onnect|refused"):
        store.read("u")
    with pytest.raises(FeatureStoreError, match=f"Redis 127.0.0.1:{redis_server.port} cannot be used .*ONLINE_URL"):
        publish(cluster, [window("19:05")])
    redis_server.start()
    assert store.read("u") == row, "the reader that was there before"
    assert publish(cluster, [window("19:05")]).online_rows == 2


def test_a_lost_redis_costs_a_page_its_viewer_and_nothing_else(cluster: Settings, redis_server: servers.Redis) -> None:
    """What the service reads viewers with: an error, then the breaker, then the viewer again."""
    publish(cluster, watched(HandmadeSite(cluster)))
    knobs = {"breaker_failures": 2, "breaker_s": 0.2}
    viewers = Viewers(cluster.serving.model_copy(update=knobs), lambda: open_online_store(cluster))
    viewers.prepare()
    assert viewers.read("u")[0].known
    redis_server.stop()
    assert [viewers.read("u")[1] for _ in range(3)] == ["error", "error", "breaker"]
    redis_server.start()
    deadline = time.monotonic() + 30
    while viewers.read("u")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert viewers.read("u")[0].known
    viewers.close()


@pytest.mark.parametrize(
    ("knob", "value", "message"),
    [
        ("feast_registry_url", "", "set HOMEFEED_FEATURES__FEAST_REGISTRY_URL"),
        ("online_url", "", "set HOMEFEED_FEATURES__ONLINE_URL"),
    ],
)
def test_the_cluster_profile_never_falls_back_to_files(cluster: Settings, knob: str, value: str, message: str) -> None:
    with pytest.raises(FeatureStoreError, match=message):
        configuration(changed(cluster, **{knob: value}))


def test_a_wrong_password_is_named_without_the_password(cluster: Settings, database: int) -> None:
    wrong = f"postgresql+psycopg://homefeed:hunter2@127.0.0.1:{database}/feast"
    with pytest.raises(FeatureStoreError, match="FEAST_REGISTRY_URL") as caught:
        feature_store(changed(cluster, feast_registry_url=wrong))
    assert "hunter2" not in str(caught.value)
    touched = watched(HandmadeSite(cluster))
    with pytest.raises(FeatureStoreError, match="Redis 127.0.0.1"):
        publish(changed(cluster, online_url=cluster.features.online_url.replace("secret", "wrong")), touched)
