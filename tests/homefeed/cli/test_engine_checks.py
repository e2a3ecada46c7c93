"""`homefeed engines`: each engine of the profile is tried, and a problem names the setting."""

import socket
import threading

import pytest
import typer

from homefeed.cli.engine_checks import checks
from homefeed.cli.engines import command
from homefeed.settings import Settings, load
from homefeed.settings.engine import EngineSettings
from homefeed.settings.features import FeatureSettings
from homefeed.settings.platform import PlatformSettings


def test_the_engines_of_one_machine_can_be_used_and_leave_no_table(settings: Settings) -> None:
    assert [(check.part, check.problem) for check in checks(settings)] == [
        ("window queries", ""),
        ("control state", ""),
        ("feature registry", ""),
        ("online store", ""),
    ]
    assert not list(settings.lake_path.glob("*"))


def test_servers_that_are_not_there_are_named_with_their_setting(settings: Settings) -> None:
    cluster = load(
        profile="cluster",
        var=settings.var,
        engine=EngineSettings(spark_master="spark://127.0.0.1:9"),
        features=FeatureSettings(
            online_url="127.0.0.1:9,password=hunter2",
            feast_registry_url="postgresql+psycopg://u:hunter2@127.0.0.1:9/feast",
        ),
        platform=PlatformSettings(airflow_database_url="mysterious://h/a", airflow_broker_url="redis://127.0.0.1:9/1"),
    )
    found = checks(cluster)
    problems = {check.part: check.problem for check in found}
    assert "HOMEFEED_ENGINE__SPARK_MASTER" in problems["window queries"]
    assert problems["control state"] == ""
    assert "HOMEFEED_FEATURES__FEAST_REGISTRY_URL" in problems["feature registry"]
    assert "HOMEFEED_FEATURES__ONLINE_URL" in problems["online store"]
    assert "write postgresql+psycopg://" in problems["Airflow"]
    assert (
        "HOMEFEED_PLATFORM__AIRFLOW_BROKER_URL" in problems["Celery broker"]
        or "celery<5.7" in problems["Celery broker"]
    )
    assert "hunter2" not in str(found)


def test_a_redis_that_does_not_answer_is_asked_once(settings: Settings) -> None:
    taken = []

    def serve() -> None:
        while connection := accept():
            taken.append(connection)
            connection.close()

    def accept() -> socket.socket | None:
        try:
            return listening.accept()[0]
        except OSError:
            return None

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        url = f"127.0.0.1:{listening.getsockname()[1]}"
        try:
            asked = settings.model_copy(update={"features": FeatureSettings(online_url=url)})
            problem = next(check.problem for check in checks(asked) if check.part == "online store")
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert "HOMEFEED_FEATURES__ONLINE_URL is right" in problem
    assert len(taken) == 1


def test_the_exit_code_says_that_one_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMEFEED_VAR", str(settings.var))
    command(as_json=True)
    monkeypatch.setenv("HOMEFEED_FEATURES__ONLINE_URL", "127.0.0.1:9")
    with pytest.raises(typer.Exit) as caught:
        command(as_json=True)
    assert caught.value.exit_code == 2
    assert "HOMEFEED_FEATURES__ONLINE_URL" in capsys.readouterr().out
